"""Results for programs on standard output, words for people on standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import typer

from jobs.errors import StoppedEarlyError

SCHEMA = 1


class ReaderGone(Exception):  # noqa: N818  (nothing went wrong)
    """Whoever reads standard output, such as `head`, has read enough and closed it."""


@contextmanager
def standard_output() -> Iterator[None]:
    """Whatever is written to standard output is in it when the block ends.

    Raises `ReaderGone` where nobody takes it any more, and `StoppedEarlyError` where it cannot be
    written for another reason.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _give_up_on_stdout()
        if isinstance(error, BrokenPipeError):
            raise ReaderGone from error
        raise StoppedEarlyError(
            f"Standard output could not be written: {error.strerror}. What was asked for is in"
            " the store; give the same command again."
        ) from error


def say(*lines: str) -> None:
    """Tell the user something; that nobody is there to hear it is no error."""
    for line in lines:
        with suppress(OSError):
            typer.echo(line, err=True)


def tell(*lines: str) -> None:
    """Print what a command was asked for."""
    with standard_output():
        for line in lines:
            typer.echo(line)


def print_json(**fields: Any) -> None:
    """Print one JSON object, the version of its form first."""
    tell(msgspec.json.encode({"schema": SCHEMA, **fields}).decode())


def _give_up_on_stdout() -> None:
    # What is left in its buffer would be tried once more, and complained of, when Python ends.
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
