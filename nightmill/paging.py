"""Work on many rows in short transactions, so that others get to write between them."""

import time
from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from jobs.store.store import Store

#: Rows of the first transaction, and of any.
FIRST_PAGE = 100
LARGEST_PAGE = 5_000
#: Seconds that one transaction should take: others wait as long.
PAGE_S = 0.1
#: Seconds between two transactions, in which others get to write.
PAUSE_S = 0.005

#: Works on up to so many rows; how many there were. Fewer than that: none is left.
Work = Callable[[Connection, int], int]


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


def next_page(limit: int, took_s: float) -> int:
    """How many rows the next transaction takes, when this many took so long."""
    fitting = limit * PAGE_S / max(took_s, 0.001)
    return round(min(max(fitting, limit / 4, 1), 4 * limit, LARGEST_PAGE))
