"""Answers that the store does not take now, kept on this machine's disk until it does.

Each worker process has a file of its own, and the lock on it while it lives. A file whose lock is
free is of a process that has died: the next worker of the machine records what is in it. Files stay
small, as nothing can be claimed without the store: a process adds what it has in flight, once.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from jobs.disk import sync, sync_path
from jobs.model import Outcome
from jobs.store import running
from jobs.store.store import Store
from worker.bisect import write_all
from worker.outcomes import unstorable
from worker.work import Work, Written

log = logging.getLogger(__name__)

_SUFFIX = ".jsonl"
_ASIDE = ".damaged"

_Key = tuple[str, int, int]
_Kind = TypeVar("_Kind")


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a file: which store its answers are for."""

    store: str


class Spool:
    """What one process keeps."""

    def __init__(self, folder: Path, store: str, session: str) -> None:
        self._path = folder / f"{session}{_SUFFIX}"
        self._store = store
        self._fd: int | None = None
        self._kept: set[_Key] = set()
        #: Whoever ends the writer may have to keep what that cannot, as it hangs.
        self._lock = threading.Lock()

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Write down those that are not there yet; they are on the disk when this returns.

        Raises `OSError` where that cannot be done.
        """
        with self._lock:
            new = [outcome for outcome in outcomes if _key(outcome) not in self._kept]
            if new:
                fd = self._begin() if self._fd is None else self._fd
                _append(fd, b"".join(map(_line, new)))
                self._kept.update(map(_key, new))

    def forget(self, outcomes: Sequence[Outcome]) -> None:
        """The store has these: when it has them all, the file goes.

        Raises `OSError` where it cannot be removed; then it is recorded once more, which does no
        harm.
        """
        with self._lock:
            if self._kept:
                self._kept.difference_update(map(_key, outcomes))
                if not self._kept:
                    self._close(remove=True)

    def close(self) -> None:
        """Leave what is kept to the next worker."""
        with self._lock:
            self._close(remove=False)

    def _close(self, *, remove: bool) -> None:
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            if remove:
                # Before the lock goes, or somebody would read it.
                self._path.unlink(missing_ok=True)
        finally:
            os.close(fd)

    def _begin(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            _append(fd, _ENCODE(_Head(self._store)) + b"\n")
            sync_path(self._path.parent)
        except BaseException:
            self._path.unlink(missing_ok=True)
            os.close(fd)
            raise
        self._fd = fd
        return fd


def folder_in(data_dir: Path) -> Path:
    """Where the processes of a machine keep such answers."""
    return data_dir / "spool"


def record_left_behind(folder: Path, store: Store) -> int:
    """Record what processes that have died kept for this store; how many answers there were.

    Raises `StoreError` where the store takes nothing: then all is as it was.
    """
    count = 0
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with _taken_over(path) as file:
            if file is not None:
                count += _record(path, file, store)
    if count:
        log.info(
            "%d answers that an earlier worker could not record were recorded.",
            count,
            extra={"action": "spool_recorded"},
        )
    return count


def remove_damaged(folder: Path) -> None:
    """Remove what could not be read of answers that were kept: it may be of any batch, and its jobs
    ran again.
    """
    for aside in folder.glob(f"*{_ASIDE}"):
        aside.unlink(missing_ok=True)


def waiting(folder: Path) -> int:
    """How many answers of this machine wait for a store that takes them."""
    return sum(max(0, _lines(path) - 1) for path in folder.glob(f"*{_SUFFIX}"))


def _record(path: Path, file: bytes, store: Store) -> int:
    head, outcomes, unreadable = _read(file)
    if head is not None and head.store != store.describe():
        # Another store's, which may be configured again tomorrow.
        return 0

    def write(work: Work) -> Written:
        with store.write(durable=True) as c:
            return Written(taken=frozenset(running.record(c, work.outcomes)))

    if head is not None and outcomes:
        write_all(Work(outcomes=tuple(outcomes)), write)
    if unreadable:
        _set_aside(path, unreadable)
    if head is not None or unreadable:
        path.unlink()
    return len(outcomes)


def _set_aside(path: Path, unreadable: list[bytes]) -> None:
    """Keep what cannot be read for somebody to look at; the rest has been recorded."""
    aside = path.with_suffix(_ASIDE)
    aside.touch(mode=0o600)
    aside.write_bytes(b"\n".join(unreadable))
    log.error(
        "A part of the answers that were kept cannot be read; their jobs run again. What is left of"
        " it is in %s until the next batch is deleted.",
        aside,
        extra={"action": "spool_damaged"},
    )


def _read(file: bytes) -> tuple[_Head | None, list[Outcome], list[bytes]]:
    """The head, the answers, and the lines that were synced and are neither."""
    *lines, torn = file.split(b"\n")
    # A last line without its end was never synced: nobody was told that it is kept.
    del torn
    if not lines:
        return None, [], []
    head = _decoded(lines[0], _Head)
    outcomes = [(line, _decoded(line, Outcome)) for line in lines[1:]]
    if head is None:
        # Nobody knows whose answers these are.
        return None, [], lines
    found = [outcome for _, outcome in outcomes if outcome is not None]
    return head, found, [line for line, outcome in outcomes if outcome is None]


@contextmanager
def _taken_over(path: Path) -> Iterator[bytes | None]:
    """What is in a file whose process has died; None where it lives, or others were faster."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # It may have been removed between the two, and the name be another file's by now.
        is_still_there = os.fstat(fd).st_nlink > 0
        yield os.pread(fd, os.fstat(fd).st_size, 0) if is_still_there else None
    finally:
        os.close(fd)


def _append(fd: int, data: bytes) -> None:
    """Write all of it or nothing, and wait for the disk."""
    end = os.fstat(fd).st_size
    try:
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])
        sync(fd)
    except OSError:
        os.ftruncate(fd, end)
        raise


def _line(outcome: Outcome) -> bytes:
    try:
        return _ENCODE(outcome) + b"\n"
    except UnicodeEncodeError:
        # The store would refuse it too: half of a surrogate pair.
        return _ENCODE(unstorable(outcome)) + b"\n"


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _key(outcome: Outcome) -> _Key:
    return outcome.job_id, outcome.run, outcome.attempt


def _decoded(line: bytes, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError:
        return None


_ENCODE = msgspec.json.Encoder().encode
