"""Backups of a store, one after the other until standard input ends. Started by a bench.

Gets one JSON object; prints a line when it has begun, and a JSON object at the end.
"""

import sys
import threading
from pathlib import Path

import msgspec

from jobs.store.backing_up import back_up


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to back up, and where to."""

    store_url: str
    file: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of it, the last one in parts."""

    backups: float


def main() -> None:
    """Back up what standard input says."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Spec)
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    share, backups = 0.0, 0

    def on_progress(done: int, total: int) -> None:
        nonlocal share
        if not backups and not share:
            sys.stdout.buffer.write(b"begun\n")
            sys.stdout.buffer.flush()
        share = done / total
        if ended.is_set():
            raise _EndedError

    try:
        while True:
            back_up(spec.store_url, Path(spec.file), on_progress, is_forced=True)
            backups, share = backups + 1, 0.0
    except _EndedError:
        sys.stdout.buffer.write(msgspec.json.encode(Made(backups=backups + share)))


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


class _EndedError(Exception):
    """Nobody wants backups any more."""


if __name__ == "__main__":
    main()
