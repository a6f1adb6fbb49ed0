"""Choosing another model for rows of a batch that is there already."""

from jobs.errors import NoModelError, UsageError
from jobs.model import Endpoint
from jobs.settings import Settings
from jobs.store import batches
from jobs.store.rewriting import Heir
from jobs.store.store import Store
from nightmill.announced import reachable_models
from nightmill.choosing import choose
from nightmill.pools import PoolModels


def choose_heir(
    settings: Settings, store: Store, batch_id: str, model: str, pool: str | None = None
) -> Heir:
    """The model that a name, an alias or `auto` means for a batch, in one pool or in any.

    For what the batch asks first of all, else for the other thing that it may ask. Raises
    `NoModelError` where nobody has it, and `UsageError` for a pool that nobody serves.
    """
    found = reachable_models(settings, store)
    if pool is not None:
        found = tuple(each for each in found if each.pool == pool)
        if not found:
            raise UsageError(
                f"No worker serves a pool {pool}, and none is configured. `nightmill hosts` says"
                " which there are; `nightmill worker` starts one."
            )
    with store.read() as c:
        wants_vectors = batches.get(c, batch_id).options.get("endpoint") == "embeddings"
    try:
        return _heir_of_any(settings, found, model, wants_vectors=wants_vectors)
    except NoModelError:
        names = sorted({each.name for pool in found for each in pool.models})
        if pool is None or not names:
            raise
        raise NoModelError(
            f"Pool {pool} cannot do this with {model}. It has {', '.join(names)}: name one of them"
            " with --model."
        ) from None


def rooms(settings: Settings, store: Store) -> dict[str, int]:
    """Tokens of prompt and answer beyond which models surely refuse a request, by name.

    A name that a more generous pool has too is left out.
    """
    models = [model for pool in reachable_models(settings, store) for model in pool.models]
    generous = {model.name for model in models if not model.room}
    return {model.name: model.room for model in models if model.name not in generous}


def _heir_of_any(
    settings: Settings, found: tuple[PoolModels, ...], model: str, *, wants_vectors: bool
) -> Heir:
    try:
        return _heir(settings, found, model, "embeddings" if wants_vectors else "chat")
    except NoModelError:
        if wants_vectors:
            raise
    try:
        # Lines of OpenAI's say themselves what they ask.
        return _heir(settings, found, model, "embeddings")
    except NoModelError:
        return _heir(settings, found, model, "chat")


def _heir(
    settings: Settings, found: tuple[PoolModels, ...], model: str, endpoint: Endpoint
) -> Heir:
    choice = choose(settings, found, model, endpoint)
    return Heir(model=choice.model.name, pool=choice.pool, endpoints=choice.model.endpoints)
