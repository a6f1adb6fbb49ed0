"""Files that hold an input only for as long as it takes to read it in."""

import fcntl
import io
import os
import select
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from jobs.errors import StoppedEarlyError

_PREFIX = ".nightmill-input-"
_BLOCK = 256 * 1024
#: Seconds of waiting after which is asked whether to go on.
_PATIENCE_S = 0.2


@contextmanager
def spool_file(folder: Path, suffix: str = "") -> Iterator[IO[bytes]]:
    """A file in `folder` for the owner's eyes only, gone after the block.

    What a process that was killed left there is removed first.
    """
    remove_abandoned(folder)
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix=_PREFIX, suffix=suffix, delete=False
    ) as file:
        try:
            # Held until the file is closed: that is how others know that it is not abandoned.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            # Before the lock goes: between the two, others would take it for abandoned.
            Path(file.name).unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed left in `folder`: there are prompts in it."""
    for leftover in folder.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(leftover)


@contextmanager
def spooled(stream: BinaryIO, folder: Path, check: Callable[[], None]) -> Iterator[Path]:
    """A file with what comes from a stream that can be read but once; gone after the block.

    `check` is called several times a second and may raise to end it. Raises `StoppedEarlyError`
    where the folder has no room for it.
    """
    with spool_file(folder) as file:
        try:
            for block in _blocks(stream, check):
                file.write(block)
            file.flush()
        except OSError as error:
            raise StoppedEarlyError(
                f"Standard input could not be kept in {folder} until it is read in:"
                f" {error.strerror}. Save it to a file and name that."
            ) from error
        yield Path(file.name)


def _blocks(stream: BinaryIO, check: Callable[[], None]) -> Iterator[bytes]:
    """What comes, as it comes: whoever waits for a slow writer can still be stopped."""
    while True:
        while not _has_come(stream):
            check()
        # Ours by itself reads no more than there is.
        block = stream.read1(_BLOCK) if isinstance(stream, io.BufferedReader) else stream.read()
        check()
        if not block:
            return
        yield block


def _has_come(stream: BinaryIO) -> bool:
    try:
        return bool(select.select([stream], [], [], _PATIENCE_S)[0])
    except io.UnsupportedOperation:
        # Nothing of the operating system's, so there is nothing to wait for.
        return True


def _remove_if_abandoned(path: Path) -> None:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Not yet locked by its maker where it is empty: removing it would be too early.
            if os.fstat(file.fileno()).st_size:
                path.unlink()
    except OSError:
        # It is in use, or another user's, or another command was faster.
        return
