"""Opening the next run of what failed, by the same model or by another."""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from backends.choice import Choice
from jobs.errors import NoModelError
from jobs.settings import Settings
from jobs.store import batches, retrying, rewriting
from jobs.store.rewriting import Heir
from jobs.store.store import Store
from nightmill.choosing import choose
from nightmill.paging import in_pages
from nightmill.pools import find_models


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What runs again, and by which model."""

    id: str
    #: Rows whose next run was opened.
    retried: int
    #: Failed lines that stay as they are: they could not be read.
    unreadable: int
    #: The model that was asked for; None where each row keeps its own.
    model: str | None


#: Rows whose requests are in memory at a time while they are looked at.
CHECKED_AT_ONCE = 500

#: Called with the number of rows retried so far; what it raises stops the retry there.
OnProgress = Callable[[int], None]


def retry_batch(
    settings: Settings,
    store: Store,
    word: str,
    model: str | None,
    on_progress: OnProgress = lambda _rows: None,
) -> Retried:
    """Open the next run of the failed rows of the batch that `word` names.

    `model` is a name, an alias or `auto`; None leaves each row its own. Old records are kept.
    Stopped half-way, the same call goes on. Raises `NoModelError` where nobody has the model, and
    `UsageError` where it cannot do what a row asks for; nothing is changed then.
    """
    with store.read() as c:
        batch_id = batches.get(c, word).id
    choice = None if model is None else _choose(settings, store, batch_id, model)
    heir = None if choice is None else _heir(choice)
    if heir is not None:
        _check(store, batch_id, heir)
    retried = _open_all(store, batch_id, heir, on_progress)
    with store.read() as c:
        unreadable = retrying.unreadable(c, batch_id)
    return Retried(
        id=batch_id,
        retried=retried,
        unreadable=unreadable,
        model=None if heir is None else heir.model,
    )


def _choose(settings: Settings, store: Store, word: str, model: str) -> Choice:
    """The model for what the batch asks first of all, else for the other thing that it may ask."""
    with store.read() as c:
        wants_vectors = batches.get(c, word).options.get("endpoint") == "embeddings"
    found = find_models(settings)
    try:
        return choose(settings, found, model, "embeddings" if wants_vectors else "chat")
    except NoModelError:
        if wants_vectors:
            raise
    try:
        # Lines of OpenAI's say themselves what they ask.
        return choose(settings, found, model, "embeddings")
    except NoModelError:
        return choose(settings, found, model, "chat")


def _heir(choice: Choice) -> Heir:
    model = choice.model
    return Heir(model=model.name, pool=choice.pool, endpoints=model.endpoints)


def _check(store: Store, batch_id: str, heir: Heir) -> None:
    """Before anything is changed: what is open already cannot be taken back."""
    line = 0
    while True:
        with store.read() as c:
            page = retrying.failed_page(c, batch_id, line, CHECKED_AT_ONCE)
            rewriting.check(c, page.job_ids, heir)
        if not page.job_ids:
            return
        line = page.last_line


def _open_all(store: Store, batch_id: str, heir: Heir | None, on_progress: OnProgress) -> int:
    retried, line = 0, 0

    def open_page(c: Connection, limit: int) -> int:
        nonlocal line
        page = retrying.open_page(c, batch_id, line, limit, heir)
        line = page.last_line
        return len(page.job_ids)

    # From line to line: what fails again meanwhile is not tried a third time.
    for rows in in_pages(store, open_page, durable=True):
        retried += rows
        on_progress(retried)
    return retried
