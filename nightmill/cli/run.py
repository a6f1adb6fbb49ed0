"""`nightmill run`."""

from nightmill.cli import options
from nightmill.cli.asking import Asked, asks


@asks
def run(
    asked: Asked, *, detach: options.Detach = False, allow_sleep: options.AllowSleep = False
) -> None:
    """Run every row of some files through a model, and write the answers to another.

    The same command again goes on where it was stopped, and runs new and changed rows only.

    Example: nightmill run examples/tickets.jsonl -o labels.jsonl

    Example: nightmill run rows.jsonl -o out.jsonl --detach

    Example: nightmill run examples/reviews.csv -o out.jsonl --prompt "The mood of: {text}"

    Example: nightmill run 'night/*.csv' -o out.jsonl --prompt "Is this spam? {text}" --limit 20
    """
    from nightmill.cli.rehearsing import rehearse_request
    from nightmill.cli.running import run_request, run_request_in_background

    if asked.dry_run:
        rehearse_request(asked.request(), asked.config, json=asked.json)
        return
    how = run_request_in_background if detach else run_request
    how(asked.request(), asked.config, json=asked.json, allow_sleep=allow_sleep)
