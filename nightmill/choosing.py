"""Which model a name or `auto` means on this machine."""

from collections.abc import Sequence

import psutil

from backends import choice
from backends.choice import Candidate, Choice
from backends.ollama.names import is_cloud_name
from jobs.errors import NoModelError
from jobs.model import Endpoint
from jobs.settings import Settings
from nightmill.pools import PoolModels
from producer.lines import AUTO, ModelChoice, ResolveModel


def choose(
    settings: Settings,
    found: Sequence[PoolModels],
    name: str | None,
    endpoint: Endpoint = "chat",
) -> Choice:
    """The model for `endpoint` that a name stands for, or that `auto` (None) comes to, and why.

    Raises `NoModelError`, which says what was looked for where and what would help.
    """
    try:
        return choice.choose(
            [
                Candidate(pool.pool, pool.backend, model, is_sure=_is_sure(pool))
                for pool in found
                for model in pool.models
            ],
            wanted=name or AUTO,
            prefer=[model for pool in settings.pools.values() for model in pool.prefer],
            aliases=settings.aliases,
            memory_bytes=psutil.virtual_memory().total,
            endpoint=endpoint,
            places=[pool.place for pool in found if pool.place],
        )
    except NoModelError as error:
        if name is not None and is_cloud_name(name) and any(p.backend == "ollama" for p in found):
            raise NoModelError(
                f"{name} would run in Ollama's cloud, not on this machine: nothing was sent."
                " Choose another, see `nightmill models`."
            ) from None
        notes = [note for pool in found for note in pool.notes]
        raise NoModelError("\n  ".join([str(error), *notes])) from None


def _is_sure(pool: PoolModels) -> bool:
    # An Ollama says itself what it runs elsewhere; the others do not.
    return not pool.is_found or pool.backend == "ollama"


def resolver(settings: Settings, found: Sequence[PoolModels]) -> ResolveModel:
    """Says which model a line means by a name; None where nobody has it."""

    def resolve(name: str, endpoint: Endpoint) -> ModelChoice | None:
        try:
            return chosen(choose(settings, found, name, endpoint))
        except NoModelError:
            return None

    return resolve


def chosen(found: Choice) -> ModelChoice:
    """The model and its pool, as the parser of lines wants them."""
    return ModelChoice(found.model.name, found.pool)
