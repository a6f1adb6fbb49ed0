"""A database clock that moves only when a test says so; the product is not changed for it.

It is put before the functions that `{now}` of jobs/store/dialect.py calls: on SQLite in the place
of `julianday`, on Postgres as a `statement_timestamp` in a schema that comes before pg_catalog.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from jobs.store.engines import parse_url
from jobs.store.store import Store

#: Far from this machine's own, which nobody is to look at.
START = 2_500_000_000.0
_EPOCH_DAY = 2440587.5
_DAY_S = 86_400.0


class Clock:
    """What time it is in the database, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = START

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def clocked_store(url: str) -> Iterator[tuple[Store, Clock]]:
    """The store at this address, with a clock that stands still."""
    store, clock = Store(parse_url(url)), Clock()
    try:
        if store.is_file:
            _set_sqlite(store, clock)
        else:
            with store.write() as c:
                c.exec_driver_sql(_MAKE_SCHEMA)
            _set_postgres(store, clock)
        yield store, clock
    finally:
        store.close()


def _set_sqlite(store: Store, clock: Clock) -> None:
    def julianday(_when: str) -> float:
        return _EPOCH_DAY + clock.now / _DAY_S

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.create_function("julianday", 1, julianday)

    for engine in _engines(store):
        event.listen(engine, "connect", connected)


def _set_postgres(store: Store, clock: Clock) -> None:
    def begun(c: Connection) -> None:
        # Only for this transaction: the connection goes back as it was.
        c.exec_driver_sql(_SET_CLOCK, (str(clock.now),))

    for engine in _engines(store):
        event.listen(engine, "begin", begun)


def _engines(store: Store) -> list[Engine]:
    return list(store._engines.values())


# Nobody sees it who does not have it in the search path; it goes with its database.
_MAKE_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS fake_clock;
CREATE OR REPLACE FUNCTION fake_clock.statement_timestamp() RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT to_timestamp(CAST(current_setting('fake_clock.now') AS double precision))
$$;
"""
_SET_CLOCK = """
SELECT set_config('search_path', 'fake_clock, pg_catalog, public', true),
    set_config('fake_clock.now', %s, true)
"""
