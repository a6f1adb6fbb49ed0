"""The command line: one file a command, each importing what is heavy only when it runs."""

import sys
import traceback
from pathlib import Path
from typing import NoReturn

from jobs.errors import NightmillError, SettingsError, UsageError
from nightmill.cli.app import app
from nightmill.cli.output import ReaderGone, say
from nightmill.cli.signals import InterruptedByUser
from nightmill.cli.way_there import way_there

COULD_NOT_START = 2
STOPPED_EARLY = 3
#: As a shell says it of a program that ends by SIGPIPE.
READER_GONE = 141


def main() -> NoReturn:
    """Run what the command line says and exit with its status.

    Every error ends in one message on standard error; a traceback only with `--debug`.
    """
    arguments = sys.argv[1:]
    try:
        app(arguments, prog_name="nightmill")
    except Exception as error:  # noqa: BLE001  (the last one to see it: it is told and translated)
        if arguments[:1] == ["--debug"]:
            traceback.print_exc()
        say(*last_words(error), *way_there(error, arguments))
        sys.exit(exit_status(error))
    sys.exit(0)


def exit_status(error: Exception) -> int:
    """What a script learns from how a command ended."""
    match error:
        case InterruptedByUser():
            return error.exit_status
        case ReaderGone():
            return READER_GONE
        case UsageError():
            return COULD_NOT_START
        case _:
            return STOPPED_EARLY


def last_words(error: Exception) -> list[str]:
    """What the user reads about it."""
    match error:
        case InterruptedByUser() | ReaderGone():
            return []
        case SettingsError():
            return [f"nightmill: {fault}" for fault in error.faults]
        case NightmillError():
            return [f"nightmill: {error}"]
        case _:
            return [_unexpected(error)]


def _unexpected(error: Exception) -> str:
    # Its own text is left out: it may quote a prompt or an answer.
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"nightmill: this is a fault of Nightmill: {type(error).__name__} in"
        f" {Path(last.filename).name}, line {last.lineno}. What was stored is safe. Give the"
        " command again as `nightmill --debug …` to see more, and please report it."
    )
