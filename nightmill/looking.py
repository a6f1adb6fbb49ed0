"""Reading how a batch stands and what came of it."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from jobs.model import Batch, Places
from jobs.store import batches, dialect, failures, hosts, rests, tunnels
from jobs.store.store import Store
from nightmill.cut_off import pools_cut_off
from nightmill.failures import NAMED_LINES, Errors, group_of
from nightmill.report import Failure, Report, Share
from nightmill.status import Status, status_of

#: `b-` and the digits of the moment in which a batch was made.
SHORT_ID = len("b-01930f3e-8c00")
_ALL = 2**31 - 1


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A batch in a list of them."""

    #: As much of its id as tells it from the others.
    short_id: str
    status: Status
    #: Seconds since the epoch, by the store's clock.
    created_at: float
    age_s: float


def look(store: Store, batch_id: str) -> Status:
    """How far a batch is now; its id may be shortened. `UsageError` if it is not there."""
    with store.read() as c:
        batch = batches.get(c, batch_id)
        return _status(c, batch, _around(c))


def report_of(store: Store, batch_id: str) -> Report:
    """The report of a batch; reads all its rows, so it is for the end."""
    with store.read() as c:
        places = Places(batches.get(c, batch_id).files)
        failed = batches.failures(c, batch_id)
        shares = batches.who_ran(c, batch_id)
        seen_by = batches.who_tried(c, batch_id)
    return Report(
        failures=tuple(
            Failure(code=code, rows=rows, first_file=file, first_line=line, message=message)
            for code, rows, at, message in failed
            for file, line in [places.of(at)]
        ),
        shares=tuple(Share(host=host, model=model, rows=rows) for host, model, rows in shares),
        seen_by=tuple(seen_by),
    )


def others_than(store: Store, batch_id: str) -> list[Status]:
    """The unfinished batches whose jobs are handed out before those of this one, as they have a
    higher priority, or in turn with them.
    """
    with store.read() as c:
        mine = batches.get(c, batch_id)
        others = (b for b in batches.handed_out(c) if b.id != mine.id)
        found = [b for b in others if b.priority >= mine.priority]
        return [status_of(b, batches.counts(c, b.id)) for b in found]


def place(batch: Batch) -> tuple[int, float, str]:
    """Batches are listed in the order of these: by priority, and as they were begun."""
    return (-batch.priority, batch.created_at, batch.id)


def errors_of(store: Store, word: str, limit: int) -> Errors:
    """Why rows of the batch that `word` names failed, with the first `limit` of them."""
    with store.read() as c:
        batch = batches.get(c, word)
        counts = batches.counts(c, batch.id)
        places = Places(batch.files)
        by_code = failures.by_code(c, batch.id, NAMED_LINES)
        rows = failures.first(c, batch.id, limit)
    return Errors(
        id=batch.id,
        name=batch.name,
        total=counts.total,
        failed=counts.failed,
        codes=tuple(group_of(failed, batch.id, places) for failed in by_code),
        rows=tuple(
            msgspec.structs.replace(row, file=file, line=line)
            for row in rows
            for file, line in [places.of(row.line)]
        ),
    )


def newest(store: Store, limit: int | None) -> list[Listed]:
    """The batches that were made last, newest first; all of them if `limit` is None."""
    with store.read() as c:
        now = dialect.now(c)
        found = batches.newest(c, _ALL if limit is None else limit)
        around = _around(c)
        statuses = [_status(c, batch, around) for batch in found]
        ids = batches.all_ids(c)
    return [
        Listed(
            short_id=short_id(batch.id, ids),
            status=status,
            created_at=batch.created_at,
            age_s=max(0.0, now - batch.created_at),
        )
        for batch, status in zip(found, statuses, strict=True)
    ]


def short_id(batch_id: str, ids: list[str]) -> str:
    """The beginning of an id that no other one of `ids`, which are sorted, has."""
    at = bisect_left(ids, batch_id)
    neighbours = [*ids[max(0, at - 1) : at], *ids[at + 1 : at + 2]]
    beginnings = (batch_id[:size] for size in range(SHORT_ID, len(batch_id)))
    return next(
        (short for short in beginnings if not any(id_.startswith(short) for id_ in neighbours)),
        batch_id,
    )


class _Around(NamedTuple):
    """What is the same for all batches: who is there, rests, or is cut off."""

    hosts: Sequence[hosts.HostRow]
    living: Sequence[hosts.HostRow]
    resting: Mapping[str, hosts.Rest]
    #: The tunnels that are down, by the names of the hosts that they cut off.
    cut: Mapping[str, tunnels.TunnelRow]


def _around(c: Connection) -> _Around:
    found = hosts.listing(c)
    return _Around(
        hosts=found,
        living=[host for host in found if host.silent_s < hosts.ALIVE_S],
        resting=rests.of_pools(c),
        cut=tunnels.cut_off(c),
    )


def _status(c: Connection, batch: Batch, around: _Around) -> Status:
    pools = () if batch.state.is_over else batches.pools_of_unfinished(c, batch.id)
    deadline = None if batch.state.is_over else batch.deadline
    left_s = None if deadline is None else deadline - dialect.now(c)
    counts = batches.counts(c, batch.id)
    return status_of(
        batch,
        counts,
        around.living,
        pools,
        left_s=left_s,
        resting=around.resting,
        cut_off=pools_cut_off(around.hosts, around.living, around.cut, pools),
    )
