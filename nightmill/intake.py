"""Bringing an input into the store: the way of `run`, `submit` and `Client.submit` alike."""

from dataclasses import dataclass

from backends.choice import Choice
from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.choosing import choose, chosen, resolver
from nightmill.embedded.datadir import DataDir
from nightmill.pools import find_models
from nightmill.request import Request
from producer.output_file import check_output
from producer.plan import SubmitPlan
from producer.submit import OnProgress, Submitted, submit


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An input that is in the store, and the model that was chosen for it."""

    submitted: Submitted
    choice: Choice
    #: Where the server of a pool is that nobody configured; empty for any other.
    found_at: str = ""


def take_in(
    settings: Settings, store: Store, request: Request, on_progress: OnProgress
) -> Accepted:
    """Choose a model and bring the input into the store, or find that it is there already.

    Raises `UsageError` where the request cannot be carried out, `InputError` where nothing of the
    input can run and `NoModelError` where there is no model for it; nothing is stored then.
    """
    found = find_models(settings)
    choice = choose(settings, found, request.overrides.model)
    plan = SubmitPlan(
        source=request.source,
        output=request.output,
        overrides=request.overrides,
        choice=chosen(choice),
        resolve_model=resolver(settings, found),
        into=request.into,
        kind=request.kind,
        name=request.name,
        is_fresh=request.is_fresh,
        priority=request.priority,
    )
    check_output(store, plan, is_forced=request.is_forced)
    locks = DataDir(settings.data_dir).locks
    return Accepted(
        submitted=submit(store, plan, locks, on_progress),
        choice=choice,
        found_at=settings.found.get(choice.pool, ""),
    )
