"""What is told: the id of a batch and its counts, never anything of its rows."""

from typing import Literal, Protocol

import msgspec

from jobs.model import Counts
from jobs.store.notices import Event


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell; these are the fields of the JSON that receivers get."""

    schema: Literal[1] = 1
    event: Event
    #: The batch's id.
    batch: str
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    unfinished: int

    def as_json(self) -> bytes:
        """As receivers get it."""
        return msgspec.json.encode(self)

    def as_text(self) -> str:
        """One line for people: `b-0193 completed: 298 succeeded, 2 failed`."""
        counts = [
            f"{count:,} {name}"
            for name in ("succeeded", "failed", "cancelled", "expired", "unfinished")
            if (count := getattr(self, name))
        ]
        return f"{self.batch} {self.event}: {', '.join(counts) or 'no rows'}"


class NotSentError(Exception):
    """A receiver did not take a message; the text says why, without any secret."""


class Way(Protocol):
    """One way to tell somebody."""

    def send(self, message: Message) -> None:
        """Tell it. Takes a bounded time. Raises `NotSentError`."""
        ...


def message_of(event: Event, batch_id: str, counts: Counts) -> Message:
    """What is told of a batch with these counts. A batch without any answer has failed."""
    is_failed = event is Event.COMPLETED and counts.unsuccessful > 0 and counts.succeeded == 0
    return Message(
        event=Event.FAILED if is_failed else event,
        batch=batch_id,
        succeeded=counts.succeeded,
        failed=counts.failed,
        cancelled=counts.cancelled,
        expired=counts.expired,
        unfinished=counts.unfinished,
    )
