"""The process that runs one pool: settings and backend put together for the worker."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext

from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.vigil import Vigil
from nightmill.logs import log_to_stderr
from nightmill.machine import machine_name
from nightmill.pools import backend_of
from worker.app import run_worker

#: Called with host and session when jobs are taken.
OnReady = Callable[[str, str], None]


def run_pool(
    settings: Settings, pool: str, broker_url: str | None, session: str | None, on_ready: OnReady
) -> int:
    """Run the jobs of a pool until a signal comes; returns the exit status.

    `broker_url` and `session` are given by the stack that starts it; without them the configured
    broker is used and a session begun. Raises `UsageError` where it cannot run as configured.
    """
    if pool not in settings.pools:
        known = ", ".join(settings.pools)
        raise UsageError(f"There is no pool {pool}. Configured are: {known}.")
    broker_url = broker_url or settings.broker_url
    if broker_url is None:
        raise UsageError(NO_BROKER)
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    log_to_stderr()
    # The stack keeps its machine awake itself.
    host = machine_name(settings)
    is_kept_awake = session is None and not settings.worker.allow_sleep
    vigil = _vigil(settings, data_dir, f"{pool}@{host}") if is_kept_awake else nullcontext()
    session = session or str(uuid.uuid4())
    with vigil:
        return run_worker(
            settings,
            pool,
            backend_of(settings.pools[pool], data_dir.log_of(f"engine-{pool}")),
            store_url=settings.store_url,
            broker_url=broker_url,
            session=session,
            host=host,
            on_ready=lambda: on_ready(host, session),
        )


@contextmanager
def _vigil(settings: Settings, data_dir: DataDir, worker: str) -> Iterator[None]:
    with closing(Store.open(settings.store_url)) as store:
        vigil = Vigil(store, data_dir.log_of("awake"), worker)
        try:
            yield
        finally:
            vigil.end()


NO_BROKER = (
    "No broker is configured that others could reach. Set `broker.url` in the configuration,"
    " such as redis://localhost:6379/0, or use `nightmill run`, which starts its own."
)
