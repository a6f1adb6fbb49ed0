"""The history of a batch: who did what to it, and what hosts tried for it."""

import msgspec

from jobs.store import actions, attempts
from jobs.store.actions import Action
from jobs.store.attempts import Tried
from jobs.store.store import Store


class Chronicle(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a batch so far."""

    actions: tuple[Action, ...]
    attempts: tuple[Tried, ...]


def chronicle_of(store: Store, batch_id: str) -> Chronicle:
    """The history of a batch; takes longer the more rows it has."""
    with store.read() as c:
        return Chronicle(
            actions=tuple(actions.of_batch(c, batch_id)),
            attempts=tuple(attempts.of_batch(c, batch_id)),
        )
