"""Reading how a batch stands and what came of it."""

from sqlalchemy import Connection

from jobs.model import Batch
from jobs.store import batches, hosts
from jobs.store.store import Store
from nightmill.report import Failure, Report, Share
from nightmill.status import Status, status_of
from nightmill.trouble import trouble_of


def look(store: Store, batch_id: str) -> Status:
    """How far a batch is now; its id may be shortened. `UsageError` if it is not there."""
    with store.read() as c:
        batch = batches.get(c, batch_id)
        trouble = trouble_of(_living(c), batch.pool)
        return status_of(batch, batches.counts(c, batch.id), trouble)


def report_of(store: Store, batch_id: str) -> Report:
    """The report of a batch; reads all its rows, so it is for the end."""
    with store.read() as c:
        failures = batches.failures(c, batch_id)
        shares = batches.who_ran(c, batch_id)
    return Report(
        failures=tuple(
            Failure(code=code, rows=rows, first_line=line, message=message)
            for code, rows, line, message in failures
        ),
        shares=tuple(Share(host=host, model=model, rows=rows) for host, model, rows in shares),
    )


def ahead_of(store: Store, batch_id: str) -> list[Status]:
    """The unfinished batches whose jobs are handed out before those of this one."""
    with store.read() as c:
        others = [batches.get(c, other) for other in batches.open_ids(c)]
        mine = batches.get(c, batch_id)
        first = [b for b in others if _place(b) < _place(mine)]
        return [status_of(b, batches.counts(c, b.id)) for b in first]


def newest(store: Store, limit: int) -> list[Status]:
    """How the batches stand that were made last, newest first."""
    with store.read() as c:
        return [status_of(b, batches.counts(c, b.id)) for b in batches.newest(c, limit)]


def _living(c: Connection) -> list[hosts.HostRow]:
    return [host for host in hosts.listing(c) if host.silent_s < hosts.ALIVE_S]


def _place(batch: Batch) -> tuple[int, float, str]:
    """Batches are served in the order of these."""
    return (-batch.priority, batch.created_at, batch.id)
