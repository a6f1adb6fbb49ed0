"""`nightmill cancel`."""

from contextlib import closing

from nightmill.cli import options, words
from nightmill.cli.output import print_json, say


def cancel(
    batch: options.BatchId, *, json: options.Json = False, config: options.Config = None
) -> None:
    """End a batch: what is not finished does not run; answers that are there stay.

    Example: nightmill cancel b-0193
    """
    from jobs.store import batches
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store, store.write(durable=True) as c:
        found = batches.get(c, batch)
        cancelled = batches.cancel(c, found.id)
    if json:
        print_json(id=found.id, cancelled=cancelled)
    elif cancelled:
        rows = words.count(cancelled, "row")
        say(f"{found.id}: {rows} cancelled. The command that began the batch runs them after all.")
    else:
        say(f"{found.id}: nothing was left to cancel.")
