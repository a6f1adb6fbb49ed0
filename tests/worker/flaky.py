"""A store that fails on demand, around the real one."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from jobs.errors import StoreError
from jobs.store.store import Store

LOST = StoreError("The connection to the store was lost.")


class FlakyStore(Store):
    """Fails transactions before they begin, or loses the reply of their commit."""

    def __init__(self, real: Store) -> None:
        self._real = real
        self._where = real.describe()
        #: How many transactions are yet to fail; infinity for all of them.
        self.refusals = 0.0
        #: How many commits are yet to go through without anybody hearing of it.
        self.lost_replies = 0.0
        self.tried = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._real.read() as c:
            yield c

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        self.tried += 1
        if self.refusals > 0:
            self.refusals -= 1
            raise LOST
        with self._real.write(durable=durable) as c:
            yield c
        if self.lost_replies > 0:
            self.lost_replies -= 1
            raise LOST
