"""The process that shows what runs: settings, store and pages put together for Flower."""

import logging
from collections.abc import Callable
from contextlib import closing

from sqlalchemy import Connection

from jobs.broker import celery_app
from jobs.model import Batch
from jobs.settings import Settings
from jobs.states import JobState
from jobs.store import batches
from monitoring.app import Monitor
from monitoring.pages.overview import BatchNow, overview
from monitoring.serving import Place, serve
from nightmill.embedded.broker import SOCKET_SCHEME
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.sockets import short_folders, socket_path
from nightmill.logs import log_to_stderr
from nightmill.looking import place
from nightmill.setup import open_store
from nightmill.status import status_of

#: Batches that have ended and are still shown, and the most that are shown at all.
ENDED = 20
MOST = 100

#: They tell each try of a broker that is not there.
_CHATTY = ("flower", "tornado", "kombu", "celery")


def run_monitor(
    settings: Settings,
    address: str | None,
    port: int | None,
    on_start: Callable[[str], None],
    check: Callable[[], None],
) -> None:
    """Show what runs until `check`, which is called several times a second, raises.

    `address` and `port` go before the settings'; `on_start` gets the URL. Raises `UsageError`
    where the address cannot be had, or is open to others without a password.
    """
    place = Place(
        address=address or settings.monitor.address,
        port=settings.monitor.port if port is None else port,
        credentials=settings.monitor.credentials,
    )
    place.check()
    with closing(open_store(settings)) as store:
        log_to_stderr()
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        app = celery_app(broker_url(settings), tuple(settings.pools))
        pages = [overview(list_batches)]
        serve(place, lambda: Monitor(app, store, pages, place.credentials), on_start, check)


def broker_url(settings: Settings) -> str:
    """The configured broker, or the one of this data directory, whether it runs now or not."""
    if settings.broker_url is not None:
        return settings.broker_url
    socket = socket_path(DataDir(settings.data_dir), short_folders())
    return f"{SOCKET_SCHEME}{socket}"


def list_batches(c: Connection) -> list[BatchNow]:
    """The batches that run, in the order in which they are served, then the newest others."""
    running = [batches.get(c, batch_id) for batch_id in list(batches.open_places(c))[:MOST]]
    running.sort(key=place)
    shown = {batch.id for batch in running}
    others = [batch for batch in batches.newest(c, ENDED) if batch.id not in shown]
    return [_now(c, batch) for batch in [*running, *others]]


def _now(c: Connection, batch: Batch) -> BatchNow:
    status = status_of(batch, batches.counts(c, batch.id))
    return BatchNow(
        id=status.id,
        name=status.name,
        state=status.state,
        total=status.total,
        finished=status.finished,
        succeeded=status.succeeded,
        unsuccessful=status.unsuccessful,
        running=status.counts[JobState.RUNNING],
        waiting=status.counts[JobState.PENDING] + status.counts[JobState.DISPATCHED],
        jobs_per_s=status.jobs_per_s,
        tokens_per_s=status.tokens_per_s,
        eta_s=status.eta_s,
        model=status.model,
        pool=status.pool,
        paused_reason=batch.paused_reason,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
    )
