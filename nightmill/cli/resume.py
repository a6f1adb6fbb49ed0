"""`nightmill resume`."""

from contextlib import closing

from nightmill.cli import options
from nightmill.cli.output import print_json, say


def resume(
    batch: options.BatchId, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Let a batch go on that was paused because too many of its rows failed.

    What failed stays failed: `nightmill retry` runs that again, and resumes the batch too.

    Example: nightmill resume b-0193
    """
    from jobs.store import batches, pauses
    from nightmill.setup import open_store, read_settings

    with closing(open_store(read_settings(config))) as store, store.write(durable=True) as c:
        found = batches.get(c, batch)
        was_paused = pauses.go_on(c, found.id)
    if json:
        print_json(id=found.id, resumed=was_paused)
    elif was_paused:
        say(f"{found.id} goes on: nightmill wait {found.id}")
    else:
        say(f"{found.id} is not paused.")
