"""What travels through the broker: packs of hints, never a prompt.

The protocol version is part of every key, so that two versions of Nightmill on one Redis never
read each other's messages.
"""

from collections.abc import Sequence

from jobs.model import Hint

PROTOCOL = 1
KEY_PREFIX = f"nightmill:{PROTOCOL}:"
TASK = "nightmill.generate"

#: The most hints in one message: beyond 16 the message's own cost no longer shows.
MAX_PACK = 16

_BEYOND_COLUMN = 2**31


def encode_pack(hints: Sequence[Hint]) -> list[list[str | int]]:
    """The one argument of the task: `[[job id, epoch], …]`, plain JSON; `[[job id, epoch, true]]`
    for a suspect, which travels alone.
    """
    return [
        [hint.job_id, hint.epoch, True] if hint.is_suspect else [hint.job_id, hint.epoch]
        for hint in hints
    ]


def decode_pack(pack: object) -> tuple[Hint, ...]:
    """The hints of a message; anything that is not a pack raises `ValueError`."""
    if not isinstance(pack, list) or not 0 < len(pack) <= MAX_PACK:
        raise ValueError(f"expected a pack of 1 to {MAX_PACK} hints")
    hints = tuple(_decode_hint(item) for item in pack)
    if len(hints) > 1 and any(hint.is_suspect for hint in hints):
        raise ValueError("expected a suspect to be alone in its pack")
    return hints


def _decode_hint(item: object) -> Hint:
    match item:
        # A bool counts as an int, and what a column cannot hold must not reach it.
        case [str(job_id), int(epoch), *mark] if (
            type(epoch) is int and 0 <= epoch < _BEYOND_COLUMN and _is_mark(mark)
        ):
            return Hint(job_id, epoch, is_suspect=bool(mark))
        case _:
            raise ValueError("expected each hint of a pack to be [job id, epoch]")


def _is_mark(rest: list[object]) -> bool:
    return not rest or (len(rest) == 1 and rest[0] is True)
