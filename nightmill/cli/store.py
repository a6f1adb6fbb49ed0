"""`nightmill store`: what is done with a store as a whole."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from nightmill.cli import options, words
from nightmill.cli.output import print_json, say
from nightmill.cli.share import Share
from nightmill.cli.signals import Signals

store = typer.Typer(no_args_is_help=True, help="Copy a whole store.")

Place = "URL of a store, or the path of a SQLite file."


@store.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=Place)],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; a new or an empty one.")],
    *,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The password of TO, in a file that only you can read."),
    ] = None,
    from_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The password of FROM, likewise.")
    ] = None,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Copy a store into a new one, such as from SQLite to Postgres when a second machine comes.

    Counted and compared at the end; stopped or killed, nothing is left of it, and the same command
    begins again. Work that is done after the copy has begun is not in it: to move, end whatever
    uses FROM first, and name TO as `store.url` afterwards.

    Example: nightmill store copy ~/nightmill.db postgresql://mill@server/mill --password-file pw
    """
    from jobs.store.copying import copy_store
    from nightmill.configured import read_configuration
    from nightmill.keeping import url_of

    settings = read_configuration(config)
    urls = (url_of(source, settings, from_password_file), url_of(target, settings, password_file))
    with Signals() as signals:
        done = copy_store(*urls, Share("Copying", signals))
    if done.used_by:
        say(
            f"{done.source} is in use ({', '.join(done.used_by)}): what is done there from now on,"
            " or was since the copy began, is not in the copy."
        )
    if json:
        print_json(**msgspec.structs.asdict(done))
        return
    tables = f"{len(done.rows)} tables, {words.count(sum(done.rows.values()), 'row')}"
    say(f"{done.source} → {done.target}: {tables}; counted and compared, all the same.")
    if done.handed_back:
        say(f"{words.count(done.handed_back, 'job')} that were in flight wait again in the copy.")
