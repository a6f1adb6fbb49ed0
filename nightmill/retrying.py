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
from jobs.store.paging import Page, in_pages, look_through
from jobs.store.rewriting import Rewrite
from jobs.store.store import Store
from nightmill.heirs import choose_heir, rooms
from nightmill.machine import who
from producer.overrides import Overrides


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

    Old records are kept. Stopped half-way, the same call goes on, and how far this one came is in
    the batch's history. Raises `NoModelError` where nobody has the model, and `UsageError` where a
    model cannot do what its rows would ask for; nothing is changed then.
    """
    # Whatever a submit would refuse.
    Overrides(max_tokens=again.max_tokens)
    with store.read() as c:
        batch_id = batches.get(c, word).id
    heir = None if again.model is None else choose_heir(settings, store, batch_id, again.model)
    # To look at all models may take a moment.
    known = {} if again.max_tokens is None else rooms(settings, store)
    rewrite = Rewrite(heir=heir, max_tokens=again.max_tokens, rooms=known)
    if rewrite.is_any:
        _check(store, batch_id, again.codes, rewrite)
    note = _Note(who(settings), batch_id, _told(again, rewrite))
    retried = _open_all(store, batch_id, again, rewrite, note=note, on_progress=on_progress)
    with store.read() as c:
        unreadable = retrying.unreadable(c, batch_id)
    return Retried(
        id=batch_id,
        retried=retried,
        unreadable=unreadable,
        model=None if heir is None else heir.model,
    )


class _Note:
    """What the history of a batch says of a retry, as far as that has come."""

    def __init__(self, who: str, batch_id: str, told: dict[str, Any]) -> None:
        self._who = who
        self._batch_id = batch_id
        self._told = told
        self._number: int | None = None

    def say(self, c: Connection, rows: int) -> None:
        """Say how many rows it are by now, in the transaction that opens the last of them."""
        told = {"rows": rows} | self._told
        if self._number is None:
            self._number = actions.note(c, self._who, "retry", batch_id=self._batch_id, **told)
        else:
            actions.amend(c, self._number, **told)


def _check(store: Store, batch_id: str, codes: Collection[ErrorCode], rewrite: Rewrite) -> None:
    """Before anything is changed: what is open already cannot be taken back."""

    def look(c: Connection, line: int, limit: int) -> Page:
        page = retrying.page_of(c, batch_id, line, limit, codes)
        rewriting.check(c, page.job_ids, rewrite)
        return page

    look_through(store, look)


def _open_all(
    store: Store,
    batch_id: str,
    again: Again,
    rewrite: Rewrite,
    *,
    note: _Note,
    on_progress: OnProgress,
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
        if page.job_ids:
            note.say(c, retried + len(page.job_ids))
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
