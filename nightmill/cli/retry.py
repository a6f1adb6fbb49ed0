"""`nightmill retry`."""

from contextlib import closing

from nightmill.cli import options, words
from nightmill.cli.output import print_json, say


def retry(
    batch: options.BatchId, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Open the next run of a batch's failed jobs; `nightmill wait` then runs them.

    Lines that could not be read stay as they are: mend the input and give its command again.

    Example: nightmill retry b-0193
    """
    from jobs.store import batches
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store, store.write(durable=True) as c:
        found = batches.get(c, batch)
        reopened = batches.retry_failed(c, found.id)
    if json:
        print_json(id=found.id, retried=reopened)
    elif reopened:
        say(f"{words.count(reopened, 'row')} will run again: nightmill wait {found.id}")
    else:
        say(f"{found.id}: no job of it has failed.")
