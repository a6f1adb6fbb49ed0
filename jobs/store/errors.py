"""What a database says, in words for the user and by what the caller can do about it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy.exc

from jobs.errors import NightmillError, NoStoreError, StoreError
from jobs.store.engines import LOCK_WAIT_S


class DataFault(NightmillError):  # noqa: N818  (it names what is wrong with one value)
    """One of the values cannot be stored; the same write without it would go through."""


@contextmanager
def translate_store_errors(where: str) -> Iterator[None]:
    """Turn what the drivers raise into `StoreError` or `DataFault`; `where` names the store.

    Where it is something else than a store, that is a `NoStoreError`.

    The drivers' own texts quote values, so a `DataFault` neither shows nor keeps them.
    """
    try:
        yield
    except (sqlalchemy.exc.DataError, sqlalchemy.exc.IntegrityError) as error:
        raise DataFault(_data_sentence(where, error.orig or error)) from None
    except (UnicodeEncodeError, OverflowError) as error:
        raise DataFault(
            f"The store {where} cannot hold a value ({type(error).__name__}): "
            "half a surrogate pair, or a number beyond 64 bits."
        ) from None
    except sqlalchemy.exc.TimeoutError as error:
        raise StoreError(
            f"All connections to the store {where} are in use. Try again when it is less busy."
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        orig = getattr(error, "orig", None) or error
        if _name_of(orig).startswith(_TOO_LONG):
            raise DataFault(_data_sentence(where, orig)) from None
        kind = NoStoreError if _name_of(orig).startswith(_FOREIGN) else StoreError
        raise kind(_sentence(where, orig)) from error


def locked(where: str) -> str:
    """The sentence for a store on which somebody else has been writing for too long."""
    return _LOCKED.format(where=where, wait=LOCK_WAIT_S)


def _data_sentence(where: str, orig: BaseException) -> str:
    kind = _name_of(orig) or type(orig).__name__
    return f"The store {where} refused a value ({kind})."


def _sentence(where: str, orig: BaseException) -> str:
    name = _name_of(orig)
    if name.startswith("SQLITE_IOERR") and _is_full(where):
        # The file it could not make is not the store's, so SQLite does not know why.
        return _FULL.format(where=where)
    for start, sentence in _BY_NAME.items():
        if name.startswith(start):
            return sentence.format(where=where, wait=LOCK_WAIT_S)
    words = str(orig).strip().lower()
    for part, sentence in _BY_WORDS.items():
        if part in words:
            return sentence.format(where=where, wait=LOCK_WAIT_S)
    kind = name or type(orig).__name__
    return (
        f"The store {where} failed ({kind}). Nothing that was reported as saved is lost: "
        "give the same command again."
    )


def _is_full(where: str) -> bool:
    try:
        return shutil.disk_usage(Path(where).parent).free < _LITTLE
    except OSError:
        return False


def _name_of(orig: BaseException) -> str:
    return getattr(orig, "sqlite_errorname", None) or getattr(orig, "sqlstate", None) or ""


#: Bytes with which nothing can be begun.
_LITTLE = 1_000_000
#: A file that is no database, and one without our tables.
_FOREIGN = ("SQLITE_NOTADB", "42P01")
#: A text that is too long for one of Postgres's indexes.
_TOO_LONG = "54"

_LOCKED = (
    "The store {where} is locked by another program for more than {wait} s. "
    "End that program, then give the same command again."
)
_FULL = "The disk of the store {where} is full. Free some space, then give the same command again."
_READ_ONLY = (
    "The store {where} cannot be written. Make it and its folder writable for you, "
    "then give the same command again."
)
_REFUSES_WRITES = (
    "The store {where} does not let us write. Give the user in `store.url` the right to, and see "
    "that the server is no copy for reading only."
)
_GONE = (
    "The store {where} cannot be opened. See that it is there and that you may read and write it "
    "and its folder."
)
_NOT_OURS = "{where} is not a Nightmill store. Move it away, or name another one with `store.url`."
_DAMAGED = (
    "The store {where} is damaged. Put a copy in its place, or move it away to begin a new one."
)
_DISK = "The disk of the store {where} reports errors. Check the disk before you go on."
_LOST = (
    "The connection to the store {where} was lost. See that the server runs, "
    "then give the same command again."
)
_REFUSED = "The store {where} does not answer. Start the server, or correct `store.url`."
_DENIED = (
    "The store {where} does not let us in. Correct the user in `store.url` and the password in "
    "`store.password_file`."
)
_NO_DATABASE = "The server has no database for the store {where}. Create it with `createdb`."
_BUSY = "The store {where} gave precedence to another transaction. Give the same command again."

#: By the beginning of SQLite's error name or of Postgres's SQLSTATE.
_BY_NAME = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": _GONE,
    "SQLITE_PERM": _GONE,
    "SQLITE_NOTADB": _NOT_OURS,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_IOERR": _DISK,
    "55P03": _LOCKED,
    "40": _BUSY,
    "53100": _FULL,
    "25006": _REFUSES_WRITES,
    "42501": _REFUSES_WRITES,
    "42P01": _NOT_OURS,
    "28": _DENIED,
    "3D000": _NO_DATABASE,
    "57P": _LOST,
    "08": _LOST,
}

#: A connection that fails has no code, only words.
_BY_WORDS = {
    "password": _DENIED,
    "authentication": _DENIED,
    'role "': _DENIED,
    "does not exist": _NO_DATABASE,
    "refused": _REFUSED,
    "no such file": _REFUSED,
    "could not translate host": _REFUSED,
    "resolve": _REFUSED,
    "timeout": _REFUSED,
    "closed": _LOST,
    "terminat": _LOST,
}
