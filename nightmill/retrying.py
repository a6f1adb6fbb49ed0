"""Opening the next run of what failed, by the same model or by another."""

import msgspec

from jobs.settings import Settings
from jobs.store import batches, rewriting
from jobs.store.store import Store
from nightmill.choosing import choose
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


def retry_batch(settings: Settings, store: Store, word: str, model: str | None) -> Retried:
    """Open the next run of the failed rows of the batch that `word` names.

    `model` is a name, an alias or `auto`; None leaves each row its own. Old records are kept.
    Raises `NoModelError` where nobody has the model; nothing is changed then.
    """
    choice = None if model is None else choose(settings, find_models(settings), model)
    with store.write(durable=True) as c:
        batch = batches.get(c, word)
        if choice is not None:
            rewriting.give_to(
                c,
                batch.id,
                model=choice.model.name,
                pool=choice.pool,
                endpoints=choice.model.endpoints,
            )
        retried = batches.retry_failed(c, batch.id)
        unreadable = batches.counts(c, batch.id).failed
    return Retried(
        id=batch.id,
        retried=retried,
        unreadable=unreadable,
        model=None if choice is None else choice.model.name,
    )
