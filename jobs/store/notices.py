"""What somebody is to be told of: written where it happens, sent by whoever leads.

A notice is first without a way; the leader looks which ways are configured and gives it one of
each, so that a receiver that is dead does not make another one hear everything twice.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql


class Event(StrEnum):
    """What happened to a batch."""

    COMPLETED = "completed"
    #: It is over and nothing of it was answered.
    FAILED = "failed"
    PAUSED = "paused"
    EXPIRED = "expired"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody is to be told, by one way."""

    id: int
    batch_id: str
    event: Event
    #: Empty until it was given one.
    channel: str
    #: Whether the owner of its batch asked for it.
    is_wanted: bool
    #: How often it was tried.
    tries: int
    #: Seconds since it happened.
    age_s: float


def note(c: Connection, batch_ids: Sequence[str], event: Event) -> None:
    """Write down that something happens to batches, in the transaction in which it does."""
    if batch_ids:
        _NOTE(c, ids=batch_ids, event=event.value)


def due(c: Connection) -> list[Notice]:
    """What is to be sent now, the oldest first."""
    return [
        msgspec.convert(row._asdict() | {"is_wanted": bool(row.is_wanted)}, Notice)
        for row in _DUE(c)
    ]


def give_channels(c: Connection, notice: Notice, channels: Collection[str]) -> None:
    """Let a notice that has no way yet be sent by each of these; by none, it is dropped."""
    if _DROP(c, id=notice.id, channel=notice.channel).rowcount:
        for channel in channels:
            _AGAIN(c, channel=channel, batch_id=notice.batch_id, event=notice.event.value)


def drop(c: Connection, notice: Notice) -> None:
    """It was sent, or is given up."""
    _DROP(c, id=notice.id, channel=notice.channel)


def put_off(c: Connection, notice: Notice, for_s: float) -> None:
    """It could not be sent; it is tried again later."""
    _PUT_OFF(c, id=notice.id, for_s=for_s)


def forget(c: Connection, batch_id: str) -> None:
    """Remove what was to be told of a batch that is deleted."""
    _FORGET(c, batch_id=batch_id)


_NOTE = Sql(
    "INSERT INTO notices (at, batch_id, event) SELECT {now}, b.id, :event FROM batches AS b"
    " WHERE b.id IN {ids} ORDER BY b.id",
    ids="id",
)
_DUE = Sql("""
SELECT n.id, n.batch_id, n.event, n.channel, n.tries, {now} - n.at AS age_s,
    b.notify AS is_wanted
FROM notices AS n JOIN batches AS b ON b.id = n.batch_id
WHERE n.next_at <= {now} AND b.state <> 'deleting' ORDER BY n.id LIMIT 100
""")
_AGAIN = Sql("""
INSERT INTO notices (at, batch_id, event, channel) VALUES ({now}, :batch_id, :event, :channel)
""")
# SQLite gives the number of the last row that was removed to the next one that comes.
_DROP = Sql("DELETE FROM notices WHERE id = :id AND channel = :channel")
_PUT_OFF = Sql(
    "UPDATE notices SET tries = tries + 1, next_at = {now} + CAST(:for_s AS DOUBLE PRECISION)"
    " WHERE id = :id"
)
_FORGET = Sql("DELETE FROM notices WHERE batch_id = :batch_id")
