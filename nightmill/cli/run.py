"""`nightmill run`."""

from nightmill.cli import options
from nightmill.cli.asking import Asked, asks


@asks
def run(
    asked: Asked, *, detach: options.Detach = False, allow_sleep: options.AllowSleep = False
) -> None:
    """Run every row of a file through a model, and write the answers to another.

    The same command again goes on where it was stopped, and runs new and changed rows only.

    Example: nightmill run examples/tickets.jsonl -o labels.jsonl

    Example: nightmill run rows.jsonl -o out.jsonl --detach

    Example: nightmill run rows.jsonl -o out.jsonl --prompt "Translate into French: {text}"
    """
    from nightmill.cli.running import run_request, run_request_in_background

    how = run_request_in_background if detach else run_request
    how(asked.request(), asked.config, json=asked.json, allow_sleep=allow_sleep)
