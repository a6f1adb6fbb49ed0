"""Commands of the operating system, run where tests can see them instead."""

import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobs.errors import UsageError

#: As a shell says it of a command that is not there.
NOT_FOUND = 127


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    said: str


#: Runs a command; whoever sits at the terminal may be asked for a password.
Runner = Callable[[Sequence[str]], Ran]


class Step(NamedTuple):
    """A command, and what it means that it fails."""

    command: tuple[str, ...]
    #: What is left undone then, where the rest goes on; None where nothing does.
    else_: str | None = None
    #: How often it is tried, a second apart: launchd needs a while to let go.
    times: int = 1


def run(command: Sequence[str]) -> Ran:
    """Run a command, its words kept."""
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except FileNotFoundError:
        return Ran(NOT_FOUND, f"there is no {command[0]} on the PATH")
    return Ran(ended.returncode, ended.stdout.strip())


def take(steps: Sequence[Step], runner: Runner, wait: Callable[[float], object]) -> list[str]:
    """Take steps in their order; what could not be done of those that are not necessary.

    Raises `UsageError` at the first of the others that fails.
    """
    undone = []
    for step in steps:
        for again in range(step.times - 1, -1, -1):
            ran = runner(step.command)
            if ran.status == 0:
                break
            if again:
                wait(1.0)
        else:
            if step.else_ is None:
                raise UsageError(
                    f"`{' '.join(step.command)}` failed with {ran.status}: {ran.said or 'no word'}"
                )
            if step.else_:
                undone.append(f"{step.else_} (`{' '.join(step.command)}`: {ran.said})")
    return undone
