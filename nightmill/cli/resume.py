"""`nightmill resume`."""

from contextlib import closing

from nightmill.cli import options
from nightmill.cli.output import print_json, say


def resume(
    what: options.PoolOrBatch, *, json: options.Json = False, config: options.Config = None
) -> None:
    """Let a batch or a pool go on that was paused, by somebody or because too much failed.

    What failed stays failed: `nightmill retry` runs that again, and resumes the batch too.

    Example: nightmill resume b-0193
    """
    from nightmill.pausing import resume as go_on
    from nightmill.setup import open_store, read_settings

    settings = read_settings(config)
    with closing(open_store(settings)) as store:
        found, was_paused = go_on(settings, store, what)
    if json:
        print_json(**options.named(found), resumed=was_paused)
    elif not was_paused:
        say(f"{found} is not paused.")
    elif found.kind == "batch":
        say(f"{found} goes on: nightmill wait {found}")
    else:
        say(f"{found} works again.")
