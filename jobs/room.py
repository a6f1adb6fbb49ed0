"""Whether a disk has room for the work that is left: pure decisions."""

import msgspec

from jobs.sizes import size_text

#: Bytes of an answer and all that is written down about it, where none is known yet.
UNKNOWN_ANSWER = 2_500
#: Bytes that are written down about an answer beside its text: results, attempts and indexes.
BESIDE_ANSWER = 600
#: Bytes of a token, rather too many.
TOKEN_BYTES = 6
#: Answers from which the others are guessed.
ENOUGH_ANSWERS = 20
#: What is written takes so much more for a while, in SQLite's log.
TIMES = 1.5


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of a store, in bytes."""

    #: What is free on its disk; None where only its server knows.
    free: int | None
    #: What shall stay free: with less, nothing more is begun.
    min_free: int
    #: What the answers that are still to come are going to take, about.
    expected: int = 0

    @property
    def is_out(self) -> bool:
        """Whether nothing more may be begun."""
        return self.free is not None and self.free < self.min_free


def expected_bytes(unfinished: int, answered: int, output_tokens: int) -> int:
    """What so many rows are going to take in the store, judged by those that have an answer."""
    if answered < ENOUGH_ANSWERS:
        return round(TIMES * unfinished * UNKNOWN_ANSWER)
    return round(TIMES * unfinished * (BESIDE_ANSWER + TOKEN_BYTES * output_tokens / answered))


def shortage(room: Room, where: str) -> str:
    """What to say of a disk on which nothing more may be begun."""
    return (
        f"The disk of the store {where} has {_text(room.free or 0)} free, and `store.min_free`"
        f" keeps {_text(room.min_free)}: no more rows are begun until there is room. Free some,"
        " with `nightmill prune` for example; it then goes on by itself."
    )


def warning(room: Room, where: str) -> str | None:
    """What to say of a disk that is full or is going to be; None while there is room."""
    if room.is_out:
        return shortage(room, where)
    if room.free is None or room.free - room.expected >= room.min_free:
        return None
    return (
        f"The disk of the store {where} has {_text(room.free)} free, and the answers to come take"
        f" about {_text(room.expected)}: when less than {_text(room.min_free)} is free, no more"
        " rows are begun. Free some in time."
    )


def _text(size: int) -> str:
    return size_text(size) if size else "nothing"
