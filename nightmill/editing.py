"""Changing what has not started of a batch."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.store import actions, batches, editing
from jobs.store.editing import NO_DEADLINE, Changes
from jobs.store.paging import in_pages, look_through
from jobs.store.rewriting import Heir
from jobs.store.store import Store
from nightmill.heirs import choose_heir
from nightmill.machine import who


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What its owner wants to be otherwise."""

    #: A name, an alias or `auto`, and a pool; None leaves each row its own.
    model: str | None = None
    pool: str | None = None
    changes: Changes = Changes()
    #: Seconds since the epoch, by our clock, when what is not done expires; `NO_DEADLINE` is never.
    deadline: float | None = None


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    id: str
    #: Rows that another model or pool does now.
    moved: int
    #: Rows that are being run as they were.
    running: int
    #: The model and the pool that were asked for; None where each row keeps its own.
    model: str | None
    pool: str | None


def edit_batch(
    settings: Settings,
    store: Store,
    word: str,
    edit: Edit,
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> Edited:
    """Change what has not started of the batch that `word` names; what runs ends as it is.

    Stopped half-way, as by what `on_progress` raises, the same call goes on. Raises `UsageError`
    where the batch is over, nothing is asked for, or another model cannot do what a row asks for,
    and `NoModelError` where nobody has it; nothing is changed then.
    """
    if edit == Edit():
        raise UsageError(
            "Say what to change: --model, --pool, --priority, --deadline, --max-running or"
            " --max-failures."
        )
    with store.read() as c:
        batch = batches.get(c, word)
    batch_id = batch.id
    editing.refuse_over(batch_id, batch.state)
    heir = _heir(settings, store, batch_id, edit)
    if heir is not None:
        # Before anything is changed: nothing is to stay half done.
        look_through(store, partial(editing.check_page, batch_id=batch_id, heir=heir))
    with store.write(durable=True) as c:
        editing.refuse_over(batch_id, batches.lock(c, batch_id))
        changes = _changes(edit)
        editing.change(c, batch_id, changes)
        if heir is not None:
            editing.give_to(c, batch_id, heir)
        actions.note(c, who(settings), "edit", batch_id=batch_id, **_told(changes, heir))
        running = batches.counts(c, batch_id).running
    return Edited(
        id=batch_id,
        moved=0 if heir is None else _move(store, batch_id, heir, on_progress),
        running=running,
        model=None if heir is None else heir.model,
        pool=None if heir is None else heir.pool,
    )


def _heir(settings: Settings, store: Store, batch_id: str, edit: Edit) -> Heir | None:
    if edit.model is not None:
        return choose_heir(settings, store, batch_id, edit.model, edit.pool)
    if edit.pool is None:
        return None
    with store.read() as c:
        models = editing.models_waiting(c, batch_id)
    if len(models) != 1:
        raise UsageError(
            f"The rows of {batch_id} ask for {len(models)} models: {', '.join(models)}. Say with"
            f" --model which one of pool {edit.pool} does them all."
        )
    return choose_heir(settings, store, batch_id, models[0], edit.pool)


def _changes(edit: Edit) -> Changes:
    """With the deadline from this very moment on: to look at a million rows takes a while."""
    if edit.deadline is None:
        return edit.changes
    return msgspec.structs.replace(edit.changes, deadline_in_s=edit.deadline - time.time())


def _move(store: Store, batch_id: str, heir: Heir, on_progress: Callable[[int], None]) -> int:
    moved, line = 0, 0

    def move_page(c: Connection, limit: int) -> int:
        nonlocal moved, line
        page, rows = editing.move_page(c, batch_id, heir, line, limit)
        moved, line = moved + rows, page.last_line
        return len(page.job_ids)

    is_any = True
    while is_any:
        # From the first line again: what was handed out a moment ago may be back.
        is_any, line = False, 0
        for rows in in_pages(store, move_page, durable=True):
            is_any = is_any or rows > 0
            on_progress(moved)
    return moved


def _told(changes: Changes, heir: Heir | None) -> dict[str, Any]:
    told = changes.told
    if (deadline_in_s := told.pop("deadline_in_s", None)) is not None:
        never = deadline_in_s == NO_DEADLINE
        told["deadline"] = None if never else round(time.time() + deadline_in_s)
    return told if heir is None else told | {"model": heir.model, "on": heir.pool}
