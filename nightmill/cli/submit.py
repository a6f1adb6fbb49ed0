"""`nightmill submit`."""

from nightmill.cli.asking import Asked, asks


@asks
def submit(asked: Asked) -> None:
    """Bring a file into the store and print the id of its batch; `nightmill wait` runs it.

    Example: nightmill submit examples/tickets.jsonl -o labels.jsonl
    """
    from nightmill.cli.rehearsing import rehearse_request
    from nightmill.cli.submitting import submit_request

    if asked.dry_run:
        rehearse_request(asked.request(), asked.config, json=asked.json)
        return
    submit_request(asked.request(), asked.config, json=asked.json)
