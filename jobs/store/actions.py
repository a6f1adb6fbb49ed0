"""Who did what to a batch or a pool, so that its owner can see it later."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql

#: Who does what happens when its time has come.
BY_ITSELF = "dispatcher"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did."""

    #: Seconds since the epoch, by the store's clock.
    at: float
    #: A user and a machine, `anna@studio`, or what acted by itself.
    who: str
    #: The command, or what happened by itself: `cancel`, `pause`, `expire` …
    verb: str
    #: What was changed to what; never a prompt or an answer.
    detail: dict[str, str | int | float | None] = {}


def note(
    c: Connection,
    who: str,
    verb: str,
    *,
    batch_id: str = "",
    pool: str = "",
    **detail: str | float | None,
) -> int:
    """Write down that somebody does something, in the transaction that does it; its number."""
    values: dict[str, Any] = {"who": who, "verb": verb, "batch_id": batch_id, "pool": pool}
    number: int = _NOTE(c, detail=_encode(detail), **values).scalar_one()
    return number


def amend(c: Connection, number: int, **detail: str | float | None) -> None:
    """Write down more of what was noted, in the transaction that does more."""
    _AMEND(c, id=number, detail=_encode(detail))


def of_batch(c: Connection, batch_id: str) -> list[Action]:
    """What was done to a batch, the oldest first."""
    return [_action(row._asdict()) for row in _OF_BATCH(c, batch_id=batch_id)]


def forget(c: Connection, batch_id: str) -> None:
    """Remove what was done to a batch that is deleted."""
    _FORGET(c, batch_id=batch_id)


def _encode(detail: dict[str, str | float | None]) -> str:
    return msgspec.json.encode(detail).decode()


def _action(row: dict[str, Any]) -> Action:
    return msgspec.convert(row | {"detail": msgspec.json.decode(row["detail"])}, Action)


_NOTE = Sql("""
INSERT INTO actions (at, who, verb, batch_id, pool, detail)
VALUES ({now}, :who, :verb, :batch_id, :pool, :detail) RETURNING id
""")
_AMEND = Sql("UPDATE actions SET detail = :detail WHERE id = :id")
_OF_BATCH = Sql(
    "SELECT at, who, verb, detail FROM actions WHERE batch_id = :batch_id ORDER BY at, id"
)
_FORGET = Sql("DELETE FROM actions WHERE batch_id = :batch_id")
