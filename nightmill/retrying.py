"""Opening the next run of what ended without an answer, as it was or otherwise."""

import difflib
from collections.abc import Callable, Collection
from typing import Any

import msgspec
from sqlalchemy import Connection

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.store import actions, batches, ending, retrying, rewriting
from jobs.store.rewriting import Rewrite
from jobs.store.store import Store
from nightmill.heirs import choose_heir
from nightmill.machine import who
from nightmill.paging import in_pages


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a batch are to run again, and how."""

    #: Those that ended with one of these codes; empty: all that failed.
    codes: frozenset[ErrorCode] = frozenset()
    #: A name, an alias or `auto`; None leaves each row its own.
    model: str | None = None
    #: Tokens that each answer may have; None leaves each row its own.
    max_tokens: int | None = None
    #: How many rows at most, the first ones; None is all.
    limit: int | None = None


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What runs again, and by which model."""

    id: str
    #: Rows whose next run was opened.
    retried: int
    #: Failed lines that stay as they are: they could not be read.
    unreadable: int
    #: The model that was asked for; None where each row keeps its own.
    model: str | None


def codes_of(words: Collection[str]) -> frozenset[ErrorCode]:
    """The error codes of these names. Raises `UsageError` for what is none."""
    known = {code.value: code for code in ErrorCode}
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise UsageError(
                f"`{word}` is no error code.{hint} `nightmill errors BATCH` says which there are."
            )
    return frozenset(known[word] for word in words)


#: Rows whose requests are in memory at a time while they are looked at.
CHECKED_AT_ONCE = 500

#: Called with the number of rows retried so far; what it raises stops the retry there.
OnProgress = Callable[[int], None]


def retry_batch(
    settings: Settings,
    store: Store,
    word: str,
    again: Again,
    on_progress: OnProgress = lambda _rows: None,
) -> Retried:
    """Open the next run of rows of the batch that `word` names.

    Old records are kept. Stopped half-way, the same call goes on. Raises `NoModelError` where
    nobody has the model, and `UsageError` where it cannot do what a row asks for; nothing is
    changed then.
    """
    with store.read() as c:
        batch_id = batches.get(c, word).id
    heir = None if again.model is None else choose_heir(settings, store, batch_id, again.model)
    rewrite = Rewrite(heir=heir, max_tokens=again.max_tokens)
    if heir is not None:
        _check(store, batch_id, again.codes, rewrite)
    retried = _open_all(store, batch_id, again, rewrite, on_progress)
    if retried:
        with store.write() as c:
            told = {"rows": retried} | _told(again, rewrite)
            actions.note(c, who(settings), "retry", batch_id=batch_id, **told)
    with store.read() as c:
        unreadable = retrying.unreadable(c, batch_id)
    return Retried(
        id=batch_id,
        retried=retried,
        unreadable=unreadable,
        model=None if heir is None else heir.model,
    )


def _check(store: Store, batch_id: str, codes: Collection[ErrorCode], rewrite: Rewrite) -> None:
    """Before anything is changed: what is open already cannot be taken back."""
    line = 0
    while True:
        with store.read() as c:
            page = retrying.page_of(c, batch_id, line, CHECKED_AT_ONCE, codes)
            rewriting.check(c, page.job_ids, rewrite)
        if not page.job_ids:
            return
        line = page.last_line


def _open_all(
    store: Store, batch_id: str, again: Again, rewrite: Rewrite, on_progress: OnProgress
) -> int:
    # What a stopped cancel left waiting was not asked for.
    for _ in in_pages(store, lambda c, limit: ending.end_more(c, batch_id, limit)):
        pass
    retried, line = 0, 0

    def open_page(c: Connection, limit: int) -> int:
        nonlocal line
        if again.limit is not None:
            limit = min(limit, again.limit - retried)
        page = retrying.open_page(c, batch_id, line, limit, codes=again.codes, rewrite=rewrite)
        line = page.last_line
        return len(page.job_ids)

    # From line to line: what fails again meanwhile is not tried a third time.
    for rows in in_pages(store, open_page, durable=True):
        retried += rows
        on_progress(retried)
        if retried == again.limit:
            break
    return retried


def _told(again: Again, rewrite: Rewrite) -> dict[str, Any]:
    only = {"only": ", ".join(sorted(again.codes))} if again.codes else {}
    heir = rewrite.heir
    by = {} if heir is None else {"model": heir.model, "on": heir.pool}
    more = {} if rewrite.max_tokens is None else {"max_tokens": rewrite.max_tokens}
    return only | by | more
