"""What a client says on its way to a server: enough to tell which commit is about what."""

import struct
from collections.abc import Iterator
from typing import Protocol

#: Codes of the messages that may come before a session's first one: encryption is asked for.
_QUESTIONS = {80877103, 80877104}


class Ear(Protocol):
    """Listens to one connection."""

    def hear(self, data: bytes) -> list[bytes]:
        """Take in what the client says; for each thing asked for that changes data, its words."""
        ...


class RedisEar:
    """Every request changes data, for the little that is to be told apart."""

    def hear(self, data: bytes) -> list[bytes]:
        """All of it."""
        return [data.upper()]


class PostgresEar:
    """Follows Postgres's protocol, prepared statements included, from the first byte on."""

    def __init__(self) -> None:
        self._unread = b""
        self._has_begun = False
        self._prepared: dict[bytes, bytes] = {}
        self._transaction: list[bytes] = []

    def hear(self, data: bytes) -> list[bytes]:
        """The statements of each transaction that is committed by these bytes."""
        self._unread += data
        committed = []
        for statement in self._statements():
            match statement.split(b" ", 1)[0].upper():
                case b"COMMIT":
                    committed.append(b"\n".join(self._transaction))
                    self._transaction.clear()
                case b"BEGIN" | b"ROLLBACK":
                    self._transaction.clear()
                case _:
                    self._transaction.append(statement)
        return committed

    def _statements(self) -> Iterator[bytes]:
        for kind, body in self._messages():
            match kind:
                case b"Q":
                    yield body.rstrip(b"\0").strip()
                case b"P":
                    name, query, _ = body.split(b"\0", 2)
                    self._prepared[name] = query.strip()
                case b"B":
                    _, name, _ = body.split(b"\0", 2)
                    yield self._prepared.get(name, b"")

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            # The first message has no letter.
            head = 1 if self._has_begun else 0
            if len(self._unread) < head + 4:
                return
            (length,) = struct.unpack_from("!I", self._unread, head)
            if len(self._unread) < head + length:
                return
            kind, body = self._unread[:head], self._unread[head + 4 : head + length]
            self._unread = self._unread[head + length :]
            if self._has_begun:
                yield kind, body
            else:
                (code,) = struct.unpack_from("!I", body)
                self._has_begun = code not in _QUESTIONS
