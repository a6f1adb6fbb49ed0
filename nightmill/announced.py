"""Models that workers on other machines have announced: this machine cannot look at them itself."""

from collections.abc import Iterable

from backends.base import ModelInfo
from jobs.settings import Settings
from jobs.store import hosts
from jobs.store.store import Store
from nightmill.pools import PoolModels, find_models


def reachable_models(settings: Settings, store: Store) -> tuple[PoolModels, ...]:
    """The models of every pool: those found here, and what living workers elsewhere announced.

    Of the latter nothing is known but the name, so that `auto` does not take them.
    """
    found = find_models(settings)
    here = {(pool.pool, model.name) for pool in found for model in pool.models}
    with store.read() as c:
        living = hosts.living(c)
    elsewhere: dict[str, dict[str, None]] = {}
    for host in living:
        names = (name for name in host.models if (host.pool, name) not in here)
        elsewhere.setdefault(host.pool, {}).update(dict.fromkeys(names))
    kinds = {pool.pool: pool.backend for pool in found}
    return (*found, *(_announced(p, kinds.get(p, p), names) for p, names in elsewhere.items()))


def _announced(pool: str, backend: str, names: Iterable[str]) -> PoolModels:
    models = tuple(
        ModelInfo(name=name, size=0, context=0, endpoints=("chat", "embeddings")) for name in names
    )
    return PoolModels(pool=pool, backend=backend, models=models, is_found=True)
