"""A file that is replaced in one piece, when the new one is complete on the disk."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jobs.disk import sync, sync_path
from jobs.errors import StoppedEarlyError


@contextmanager
def written_beside(path: Path) -> Iterator[BinaryIO]:
    """A stream to a hidden file beside `path`, which takes its place when the block ends well.

    What a process that died left there is removed. Raises `StoppedEarlyError` when the disk is
    full or the place cannot be written.
    """
    target = Path(os.path.realpath(path))
    with _translated(path):
        _remove_leftovers(target)
        part, stream = _open_part(target)
        try:
            with stream:
                yield stream
                _make_durable(stream)
                part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_path(target.parent)


def try_beside(path: Path) -> None:
    """Raise `OSError` where `written_beside` could not begin now; leaves nothing behind."""
    part, stream = _open_part(Path(os.path.realpath(path)))
    with stream:
        part.unlink()


def reason(error: OSError) -> str:
    """Why a file could not be written, in words."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full"
        case errno.EROFS:
            return "the disk is read-only"
        case _:
            return error.strerror or type(error).__name__


def _remove_leftovers(target: Path) -> None:
    leftover = re.compile(re.escape(_part_name(target, "TOKEN")).replace("TOKEN", "[0-9a-f]{16}"))
    for entry in os.scandir(target.parent):
        if leftover.fullmatch(entry.name):
            _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(part: Path) -> None:
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
    except (BlockingIOError, FileNotFoundError):
        # Its writer lives, or another command was faster.
        return


def _open_part(target: Path) -> tuple[Path, BinaryIO]:
    part = target.with_name(_part_name(target, secrets.token_hex(8)))
    stream = part.open("xb")
    # Held as long as the stream is open: that is how others know that it is not abandoned.
    fcntl.flock(stream, fcntl.LOCK_EX)
    if not part.exists():
        # Taken for abandoned in the moment before it was locked.
        stream.close()
        return _open_part(target)
    if target.exists():
        os.fchmod(stream.fileno(), stat.S_IMODE(target.stat().st_mode))
    return part, stream


def _part_name(target: Path, token: str) -> str:
    # Shortened, for a name has no more than 255 bytes.
    return f".{target.name[:50]}.{token}.part"


def _make_durable(stream: BinaryIO) -> None:
    stream.flush()
    sync(stream.fileno())


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoppedEarlyError(
            f"The results could not be written to {path}: {reason(error)}. The answers are in the"
            " store; give the same command again."
        ) from error
