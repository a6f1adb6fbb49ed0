"""`nightmill restore`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from jobs.errors import UsageError
from nightmill.cli import options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.share import Share
from nightmill.cli.signals import Signals

if TYPE_CHECKING:
    from jobs.settings import Settings


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that `nightmill backup` wrote.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Put a backup in the place of the configured store, which nobody may be using.

    A store with batches is kept beside, as a file with the date in its name. One on Postgres has
    to be empty. What ran when the backup was made runs again, and is charged to nobody.

    Example: nightmill restore /Volumes/Safe/nightmill.db
    """
    from jobs.store.restoring import require_backup
    from nightmill.configured import read_configuration
    from nightmill.keeping import restore as put_back

    settings = read_configuration(config)
    require_backup(file)
    is_replacing = yes or _may_replace(settings)
    with Signals() as signals:
        done = put_back(settings, file, Share("Restoring", signals), is_replacing=is_replacing)
    if json:
        print_json(**msgspec.structs.asdict(done))
        return
    say(
        f"{done.file} → {done.store}: {words.batches(done.batches)},"
        f" {words.count(done.rows, 'row')}."
    )
    if done.handed_back:
        say(f"{words.count(done.handed_back, 'row')} that were in flight then wait again.")
    if done.kept is not None:
        say(f"What was there before is in {done.kept}.")


def _may_replace(settings: "Settings") -> bool:
    """Whether the store may be replaced: the user is asked, where somebody is there.

    Raises `UsageError` where the answer is no.
    """
    from jobs.store.engines import parse_url, sqlite_path
    from jobs.store.restoring import batches_in, would_replace

    path = sqlite_path(parse_url(settings.store_url))
    there = None if path is None else batches_in(settings.store_url)
    if path is None or there == 0 or not sys.stdin.isatty():
        # Refused later, if it has to be: other faults come first.
        return False
    say(would_replace(str(path), there))
    if not typer.confirm("Let the backup take its place?", err=True):
        raise UsageError("Nothing was restored.")
    return True
