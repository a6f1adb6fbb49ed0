"""The driver itself, for what SQLAlchemy has no words for: copying whole tables and files."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy.exc
from sqlalchemy import Connection


@contextmanager
def driver_of(c: Connection) -> Iterator[Any]:
    """The driver's connection; what it raises in the block looks as if SQLAlchemy had called it."""
    connection: Any = c.connection.driver_connection
    if c.dialect.name == "sqlite":
        # Its errors are known as they are.
        yield connection
        return
    import psycopg

    try:
        yield connection
    except psycopg.Error as error:
        raise sqlalchemy.exc.DBAPIError.instance(
            "COPY", None, error, psycopg.Error, hide_parameters=True
        ) from error
