"""What a page is: a name in the bar, a template, and a value read from the store."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

#: The value a page shows, given what its address asks for; raises `ValueError` for what it
#: does not know.
Read = Callable[[Connection, Mapping[str, str]], msgspec.Struct]


class Page(NamedTuple):
    """A page at `/slug`, drawn by `static/slug.js` from the value at `/slug.json`."""

    slug: str
    title: str
    read: Read

    def as_json(self, c: Connection, asked: Mapping[str, str]) -> bytes:
        """The value as the page's script gets it; never a prompt or an answer."""
        value: dict[str, Any] = {"schema": 1} | msgspec.structs.asdict(self.read(c, asked))
        return msgspec.json.encode(value)
