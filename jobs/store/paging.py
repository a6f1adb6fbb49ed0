"""Work on many rows in short transactions, so that others get to write between them."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Row

from jobs.store.store import Store

#: Rows of the first transaction, and of any.
FIRST_PAGE = 100
LARGEST_PAGE = 5_000
#: Seconds that one transaction should take: others wait as long.
PAGE_S = 0.1
#: Seconds between two transactions, in which others get to write.
PAUSE_S = 0.005
#: Rows whose requests are in memory at a time while they are only looked at.
LOOKED_AT = 500


class Page(NamedTuple):
    """Some jobs of a batch, in the order of their lines."""

    job_ids: list[str]
    #: Where the next page begins; where none are left, that of the page before.
    last_line: int

    @classmethod
    def of(cls, rows: Sequence[Row[*tuple[Any, ...]]], after: int) -> Self:
        """The page of these rows, each with an id and a line, that come after a line."""
        return cls([row.id for row in rows], rows[-1].line if rows else after)


#: Works on up to so many rows; how many there were. Fewer than that: none is left.
Work = Callable[[Connection, int], int]
#: Finds the jobs on a page after a line, up to so many. Fewer than that: none is left.
Find = Callable[[Connection, int, int], Page]


def in_pages(store: Store, work: Work, *, durable: bool = False) -> Iterator[int]:
    """Work on page after page, each in a transaction of its own; the rows of each, once it is
    committed. Whoever stops asking leaves the rest undone.
    """
    limit = FIRST_PAGE
    while True:
        began = time.monotonic()
        with store.write(durable=durable) as c:
            rows = work(c, limit)
        yield rows
        if rows < limit:
            return
        limit = next_page(limit, time.monotonic() - began)
        time.sleep(PAUSE_S)


def found_pages(store: Store, find: Find) -> Iterator[Page]:
    """The pages that there are, found while others may write: so a page may be far to go, and what
    is on it another's by now.

    Each is as large as fits, going by how long whoever asks took over the one before.
    """
    limit, line = FIRST_PAGE, 0
    while True:
        with store.read() as c:
            page = find(c, line, limit)
        began = time.monotonic()
        if page.job_ids:
            yield page
        if len(page.job_ids) < limit:
            return
        line, limit = page.last_line, next_page(limit, time.monotonic() - began)
        time.sleep(PAUSE_S)


def look_through(store: Store, look: Find) -> None:
    """Let `look` see page after page of jobs that stay as they are; it may raise to end it."""
    line, is_any = 0, True
    while is_any:
        with store.read() as c:
            page = look(c, line, LOOKED_AT)
        line, is_any = page.last_line, bool(page.job_ids)


def next_page(limit: int, took_s: float) -> int:
    """How many rows the next transaction takes, when this many took so long."""
    fitting = limit * PAGE_S / max(took_s, 0.001)
    return round(min(max(fitting, limit / 4, 1), 4 * limit, LARGEST_PAGE))
