"""`nightmill backup`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from nightmill.cli import options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.share import Share
from nightmill.cli.signals import Signals


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Write all that the store holds at this moment into one file, while everything goes on.

    It is read again before it gets its name; until then, what was there is as it was. `nightmill
    restore` puts it in the place of a store. It holds prompts and answers: only you may read it.

    Example: nightmill backup /Volumes/Safe/nightmill.db --force
    """
    from jobs.sizes import size_text
    from nightmill.configured import read_configuration
    from nightmill.keeping import back_up

    with Signals() as signals:
        share = Share("Backing up", signals)
        done = back_up(read_configuration(config), file, share, is_forced=force)
    if json:
        print_json(**msgspec.structs.asdict(done))
    else:
        amount = f"{words.batches(done.batches)}, {words.count(done.rows, 'row')}"
        say(f"{done.store} → {done.file}: {amount}, {size_text(done.size)}; read again and whole.")
