"""All of a store as it was at one moment, whatever is written to it meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from jobs.errors import UsageError
from jobs.store.driver import driver_of
from jobs.store.engines import Kind, make_engine, parse_url, sqlite_path
from jobs.store.errors import translate_store_errors
from jobs.store.schema import metadata
from jobs.store.store import DATABASE_SIZE, describe, found_version, missing

#: The tables of a store, each after those that it belongs to.
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)

#: Rows that are in memory at once.
CHUNK = 2_000

Chunk = Sequence[Sequence[Any]]


class Snapshot(NamedTuple):
    """What can be read of a store for as long as its transaction lasts."""

    #: The store's address without its password.
    where: str
    #: The version of the store; None where there are no tables of ours.
    version: str | None
    c: Connection

    @property
    def is_file(self) -> bool:
        """Whether it is a SQLite file's."""
        return self.c.dialect.name == "sqlite"

    def size(self) -> int:
        """Bytes that the store takes on its disk."""
        return size_of(self.c)

    def rows(self, table: Table) -> Iterator[Chunk]:
        """All rows of a table, their columns in the order of `column_names`."""
        statement = f"SELECT {', '.join(column_names(table))} FROM {table.name}"  # noqa: S608
        with driver_of(self.c) as connection:
            # One with a name leaves the rows with Postgres until they are asked for.
            cursor = connection.cursor() if self.is_file else connection.cursor("nightmill")
            with closing(cursor):
                cursor.execute(statement)
                while chunk := cursor.fetchmany(CHUNK):
                    yield chunk


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Read a store, of whatever version, as it is when the block begins.

    On SQLite the log grows for as long as it lasts. Raises `UsageError` where there is none.
    """
    parsed = parse_url(url)
    where, path = describe(parsed), sqlite_path(parsed)
    if path is not None and not path.is_file():
        raise UsageError(missing(where))
    engine = make_engine(parsed, Kind.READ)
    if path is None:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with translate_store_errors(where), engine.begin() as c:
            if path is None:
                take_your_time(c)
            yield Snapshot(where, found_version(c), c)
    finally:
        engine.dispose()


def take_your_time(c: Connection) -> None:
    """Make a transaction on Postgres fit for reading or writing whole tables."""
    # One side of a copy may wait long for the other; and tables are read from end to end.
    for setting in ("idle_in_transaction_session_timeout = 0", "enable_seqscan = on"):
        c.exec_driver_sql(f"SET LOCAL {setting}")


def column_names(table: Table) -> list[str]:
    """The columns of a table in the order in which rows are copied."""
    return [column.name for column in table.columns]


def size_of(c: Connection) -> int:
    """Bytes that a store takes on its disk, but for SQLite's logs."""
    how = _SIZE_OF_FILE if c.dialect.name == "sqlite" else DATABASE_SIZE
    return int(c.exec_driver_sql(how).scalar_one())


_SIZE_OF_FILE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
