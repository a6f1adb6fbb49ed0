"""A worker process: from its settings to its exit status."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import psutil
from celery import Celery

from backends.base import Backend
from jobs import guards
from jobs.addresses import masked
from jobs.broker import celery_app, waiting_messages
from jobs.errors import BrokerError
from jobs.folders import locks_in
from jobs.settings import Settings
from jobs.store.store import Store
from worker import presence, task
from worker.heartbeat import BUSY_S
from worker.host import Host
from worker.outcomes import Identity
from worker.program import Program, stop_soon, stop_soon_or_exit
from worker.watchdog import Watchdog

#: Exit status of a worker that can record nothing more; what started it starts another.
STOPPED_EARLY = 3

_BROKER_TRIES = 5


def run_worker(
    settings: Settings,
    pool: str,
    backend: Backend,
    *,
    store_url: str,
    broker_url: str,
    session: str,
    host: str,
    on_ready: Callable[[], None],
    beat_every_s: float = BUSY_S,
    wall_clock: Callable[[], float] = time.time,
) -> int:
    """Run the jobs of `pool` with `backend` until a signal ends it; the exit status.

    Belongs into the main thread of a process of its own. `on_ready` is called when messages are
    consumed. The first SIGTERM or SIGINT lets running jobs end within the grace time, the second
    hands them back at once. Nothing runs when it returns or raises. `beat_every_s` is for
    measuring what heartbeats cost: infinity is none at all. `wall_clock` is this machine's, in
    seconds since the epoch.

    Raises:
        UsageError: the name `pool@host` is taken, the machine's clock is wrong, or the backend
            does not open.
        StoreError: the store does not answer or is of another version, at the start; or it did
            not take the last records, at the end.
        BrokerError: the broker does not answer at the start.
    """
    data_dir, lock_dir = settings.data_dir, locks_in(settings.data_dir)
    who = Identity(session=session, host=host, pool=pool, guard=guards.guard_of(lock_dir))
    with ExitStack() as last_first:
        last_first.callback(presence.take_name(lock_dir, who).release)
        store = Store.open(store_url)
        last_first.callback(store.close)
        app = celery_app(broker_url, (pool,))
        _check_broker(app, broker_url)
        presence.refuse_wrong_clock(store, wall_clock)
        presence.refuse_twin(store, who)
        presence.take_back_jobs(
            store, data_dir, who, settings.worker.max_crashes, psutil.boot_time()
        )
        last_first.callback(presence.leave, store, who)
        running = Host.open(
            backend,
            store,
            who,
            settings,
            _end_early,
            beat_every_s=beat_every_s,
            wall_clock=wall_clock,
        )
        last_first.callback(running.close)
        return _consume(app, running, who, on_ready)


def _check_broker(app: Celery, broker_url: str) -> None:
    """Celery would try for ever; whoever starts a worker wants to know."""
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(
                max_retries=_BROKER_TRIES, interval_start=0.1, interval_step=0.2
            )
    except Exception as error:
        raise BrokerError(
            f"The broker {masked(broker_url)} does not answer ({type(error).__name__}). "
            "Start it, or correct `broker.url`."
        ) from error


def _consume(app: Celery, host: Host, who: Identity, on_ready: Callable[[], None]) -> int:
    task.register(app, who.pool, host.run_pack)
    program = Program(
        app,
        name=who.name,
        pool=who.pool,
        slots=host.capabilities.slots,
        on_ready=on_ready,
        on_signal=host.drain_or_hand_back,
        on_stop=host.drain,
    )
    watchdog = Watchdog(
        host.condition, partial(waiting_messages, app, who.pool), partial(host.finish, _end_deaf)
    )
    try:
        return STOPPED_EARLY if program.run() else 0
    finally:
        watchdog.stop()


def _end_early() -> None:
    stop_soon(STOPPED_EARLY)


def _end_deaf() -> None:
    stop_soon_or_exit(STOPPED_EARLY)
