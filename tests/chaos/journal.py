"""The harness's own book, outside the system: what was accepted, and what was done to it.

One line of JSON an event, on the disk before anything else happens.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """A file that only grows; every entry is synced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")

    def accepted(self, batch: str, ids: list[str]) -> None:
        """`submit` has said that it has these rows."""
        self._note("accepted", batch=batch, ids=ids)

    def cancelled(self, batch: str) -> None:
        """`cancel` has said that it is done."""
        self._note("cancelled", batch=batch)

    def fault(self, name: str, moment: str, **facts: Any) -> None:
        """What is about to be done to the system."""
        self._note("fault", name=name, moment=moment, **facts)

    def died(self, session: str, *, held: list[str], engine: bool = False) -> None:
        """A worker is dead, or its engine, with these rows in the engine's hands."""
        self._note("died", session=session, held=held, engine=engine)

    def healed(self, *, waiting: int) -> None:
        """The fault is over, with so many rows that wait to be claimed."""
        self._note("healed", waiting=waiting)

    def ended(self, program: str, status: int) -> None:
        """A program ended that nobody had killed."""
        self._note("ended", program=program, status=status)

    def close(self) -> None:
        self._file.close()

    def _note(self, event: str, **facts: Any) -> None:
        entry = {"at": time.time(), "event": event, **facts}
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def entries(path: Path, event: str | None = None) -> Iterator[dict[str, Any]]:
    """What a journal says, in its order."""
    for line in path.read_bytes().splitlines():
        entry = json.loads(line)
        if event in {None, entry["event"]}:
            yield entry
