"""Results for programs on standard output, words for people on standard error."""

from contextlib import suppress
from typing import Any

import msgspec
import typer

SCHEMA = 1


def say(*lines: str) -> None:
    """Tell the user something; that nobody is there to hear it is no error."""
    for line in lines:
        with suppress(OSError):
            typer.echo(line, err=True)


def tell(*lines: str) -> None:
    """Print what a command was asked for."""
    for line in lines:
        typer.echo(line)


def print_json(**fields: Any) -> None:
    """Print one JSON object, the version of its form first."""
    tell(msgspec.json.encode({"schema": SCHEMA, **fields}).decode())
