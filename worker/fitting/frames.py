"""What the worker and the process that checks say to each other: JSON behind its length."""

import msgspec

from jobs.model import Form

#: Bytes that say how many follow.
HEAD = 4


class Check(msgspec.Struct, frozen=True, array_like=True):
    """Hold an answer to a schema, which is JSON: so equal ones are known to be equal."""

    text: str
    schema: str

    def __repr__(self) -> str:
        return f"Check({len(self.text)} chars, schema of {len(self.schema)})"


class Checked(msgspec.Struct, frozen=True, array_like=True):
    """What became of a check: `misfit`, or the answer without what stood around it."""

    #: What does not fit, without a word of the answer; None where it fits.
    misfit: str | None
    text: str
    form: Form

    def __repr__(self) -> str:
        return f"Checked({self.misfit or 'fits'})"


def framed(message: Check | Checked) -> bytes:
    """A message as it travels."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def size_in(head: bytes) -> int:
    """How many bytes follow."""
    return int.from_bytes(head, "big")
