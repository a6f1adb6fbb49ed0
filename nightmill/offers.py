"""What the pools of this machine can be asked for: models, how they fit, and what runs now."""

from collections.abc import Sequence
from contextlib import closing

import msgspec
import psutil

from backends.base import ModelInfo
from backends.fit import Fit, fit
from jobs.errors import NoModelError, StoreError
from jobs.model import Endpoint
from jobs.settings import Settings
from jobs.store import hosts
from jobs.store.store import Store
from nightmill.choosing import choose
from nightmill.pools import PoolModels, find_models


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a pool offers."""

    name: str
    #: Bytes of its weights; 0 where the backend cannot tell.
    size: int
    #: Such as `4-bit`; empty where the backend cannot tell.
    quantization: str
    #: Tokens of prompt and answer together; 0 where the backend cannot tell.
    context: int
    endpoints: tuple[Endpoint, ...]
    #: Whether it is known to be in memory now.
    loaded: bool
    fits: Fit
    is_demo: bool
    path: str


class PoolOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A pool, its models, and what was found there that cannot be used."""

    pool: str
    backend: str
    #: The folder or server that its models were looked for in; empty without one.
    place: str
    #: Whether nobody configured it: its server was found on this machine.
    found: bool
    #: The hosts that serve it now.
    hosts: tuple[str, ...]
    models: tuple[Offer, ...]
    notes: tuple[str, ...]


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """All pools, and what `auto` comes to."""

    #: None where it comes to nothing; `why` says so.
    auto: str | None
    why: str
    memory_bytes: int
    pools: tuple[PoolOffer, ...]


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of the workers that live: their pools, and the models they run now."""

    hosts: tuple[tuple[str, str], ...] = ()
    running: tuple[tuple[str, str], ...] = ()


def look_at_models(settings: Settings) -> Offers:
    """The models of every pool; starts and loads nothing."""
    found = find_models(settings)
    memory_bytes = psutil.virtual_memory().total
    try:
        choice = choose(settings, found, None)
        auto, why = choice.model.name, choice.why
    except NoModelError as error:
        auto, why = None, str(error)
    return Offers(
        auto=auto,
        why=why,
        memory_bytes=memory_bytes,
        pools=offered(found, memory_bytes, _busy(settings)),
    )


def offered(found: Sequence[PoolModels], memory_bytes: int, busy: Busy) -> tuple[PoolOffer, ...]:
    """What was found, and how it fits a machine that is busy like this."""
    return tuple(
        PoolOffer(
            pool=pool.pool,
            backend=pool.backend,
            place=pool.place,
            found=pool.is_found,
            hosts=tuple(name for name, serves in busy.hosts if serves == pool.pool),
            models=tuple(
                _offer(
                    model,
                    fit(model.size, memory_bytes),
                    loaded=model.name in pool.loaded or (pool.pool, model.name) in busy.running,
                )
                for model in pool.models
            ),
            notes=pool.notes,
        )
        for pool in found
    )


def _offer(model: ModelInfo, fits: Fit, *, loaded: bool) -> Offer:
    return Offer(
        name=model.name,
        size=model.size,
        quantization=model.quantization,
        context=model.context,
        endpoints=model.endpoints,
        loaded=loaded,
        fits=fits,
        is_demo=model.is_demo,
        path=model.path,
    )


def _busy(settings: Settings) -> Busy:
    """Nothing where there is no store yet or it does not answer: models can be listed without."""
    try:
        with closing(Store.open(settings.store_url)) as store, store.read() as c:
            living = hosts.living(c)
            running = hosts.models_running(c)
    except StoreError:
        return Busy()
    served = {host.pool for host in living}
    return Busy(
        hosts=tuple((host.name, host.pool) for host in living),
        # What a dead worker ran is not in anybody's memory.
        running=tuple((pool, model) for pool, model in running if pool in served),
    )
