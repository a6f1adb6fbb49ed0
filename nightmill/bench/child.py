"""A child of a bench that gets its task on standard input and answers on standard output."""

import subprocess
from typing import TypeVar

import msgspec

from jobs.errors import StoppedEarlyError
from nightmill.embedded.child import python

_Answer = TypeVar("_Answer")


def ask(module: str, task: msgspec.Struct, answer: type[_Answer]) -> _Answer:
    """Run a module of ours to its end; raises `StoppedEarlyError` with what it said if it fails."""
    done = subprocess.run(
        python(module), input=msgspec.json.encode(task), capture_output=True, check=False
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace")[-2000:]
        raise StoppedEarlyError(f"{module} stopped. It said:\n{words}")
    return msgspec.json.decode(done.stdout, type=answer)
