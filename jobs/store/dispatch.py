"""The dispatcher's verbs: hand jobs to pools, take back what got stuck, close what is done."""

import math

import msgspec
from sqlalchemy import Connection

from jobs.model import Hint
from jobs.states import JobState
from jobs.store import notices
from jobs.store.counters import Deltas, fold
from jobs.store.dialect import Sql
from jobs.store.notices import Event
from jobs.store.recovery import RUNNING_COLUMNS, charge, had_it_to_itself, hand_back

__all__ = [
    "LivePool",
    "claim_delay_p99",
    "dispatch",
    "finalize",
    "fold",
    "keep_rates",
    "live_pools",
    "put_back_unclaimed",
    "reap_expired",
    "recall_dispatched",
    "release_session",
    "running",
]


class LivePool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool with at least one host that claims jobs, and how busy it is."""

    name: str
    #: Slots of all such hosts together.
    slots: int
    #: Jobs dispatched or running.
    in_flight: int
    running: int
    models: frozenset[str]


def live_pools(c: Connection, alive_s: float) -> list[LivePool]:
    """The pools that have a host which claims jobs: it was seen in the last `alive_s` seconds and
    is not parked. By name.
    """
    hosts = _LIVE(c, alive_s=alive_s).all()
    busy = {row.pool: row for row in _BUSY(c)}
    pools = []
    for name in sorted({host.pool for host in hosts}):
        members = [host for host in hosts if host.pool == name]
        models = (model for host in members for model in msgspec.json.decode(host.models))
        pools.append(
            LivePool(
                name=name,
                slots=sum(host.slots for host in members),
                in_flight=busy[name].in_flight if name in busy else 0,
                running=busy[name].running if name in busy else 0,
                models=frozenset(models),
            )
        )
    return pools


def running(c: Connection) -> dict[str, int]:
    """How many jobs run, by pool; whether a host of it lives or not."""
    return {row.pool: row.running for row in _BUSY(c)}


def dispatch(c: Connection, pool: str, limit: int) -> list[Hint]:
    """Give the best pending jobs of open batches to a pool: at most `limit`, best first. A batch
    whose input is being read again goes on meanwhile.

    By priority and age of their batch, then by line; a paused one gets nothing. Suspects come
    after the other jobs of their batch and one at a time, with nothing beside them in the pool,
    and each gets a worker to itself: only so is it clear which one kills its holder.
    """
    busy = {row.pool: row for row in _BUSY(c)}.get(pool)
    if limit <= 0 or (busy is not None and busy.suspects):
        return []
    hints: list[Hint] = []
    deltas = Deltas()
    for batch_id, has_suspects in _WAITING(c, pool=pool).all():
        hints += _give(c, deltas, batch_id, pool, limit - len(hints))
        if len(hints) >= limit:
            break
        if has_suspects:
            if not hints and busy is None:
                hints += _give(c, deltas, batch_id, pool, 1, suspect=1)
            break
    deltas.write(c)
    return hints


def put_back_unclaimed(c: Connection, pool: str, older_than_s: float) -> int:
    """Jobs that nobody claimed for this long go back to pending; how many."""
    return _put_back(c, pool, older_than_s)


def recall_dispatched(c: Connection, pool: str) -> int:
    """All jobs of a pool that nobody has claimed yet go back to pending; how many."""
    return _put_back(c, pool, -math.inf)


def reap_expired(c: Connection) -> int:
    """Running jobs whose lease has run out go back to pending, and nobody is charged.

    All jobs of such a session do: one whose lease is a little longer, as it was claimed after the
    last heartbeat, would else look as if it had been alone when the session died.
    """
    silent = list(_SILENT(c).scalars())
    return hand_back(c, _OF_SILENT(c, sessions=silent).all()) if silent else 0


def release_session(
    c: Connection, session: str, *, blame: bool = True, max_crashes: int = 3
) -> int:
    """The running jobs of a session that is dead go back to pending; how many there were.

    `blame`: a job may have killed it, so they become suspects; a suspect that had the session
    to itself is charged with a crash and fails at `max_crashes`. False where the death had
    another cause: the machine went down, or everything was killed.
    """
    rows = _OF_SESSION(c, session=session).all()
    if blame and len(rows) == 1 and had_it_to_itself(c, rows[0]):
        charge(c, rows[0], max_crashes)
    else:
        hand_back(c, rows, suspect=blame)
    return len(rows)


def finalize(c: Connection) -> list[str]:
    """Complete the open batches in which nothing is unfinished; their ids."""
    candidates = list(_DONE(c).scalars())
    if not candidates:
        return []
    # Locked first and looked at again: somebody may be opening the next run of a job.
    _LOCK_BATCHES(c, ids=candidates).all()
    done = [batch_id for batch_id in _DONE(c).scalars() if batch_id in candidates]
    _FINALIZE(c, ids=done)
    _COMPLETE(c, ids=done)
    notices.note(c, done, Event.COMPLETED)
    return done


def keep_rates(c: Connection, batch_id: str, jobs_per_s: float, tokens_per_s: float) -> None:
    """Note how fast a batch goes, for whoever asks for its status."""
    _RATES(c, batch_id=batch_id, jobs_per_s=jobs_per_s, tokens_per_s=tokens_per_s)


def claim_delay_p99(c: Connection) -> float:
    """Seconds from dispatch to claim that 99 % of the jobs now running stayed under; 0 if none."""
    delays = sorted(_DELAYS(c).scalars())
    return max(0.0, delays[(len(delays) * 99 - 1) // 100]) if delays else 0.0


def _give(
    c: Connection, deltas: Deltas, batch_id: str, pool: str, limit: int, *, suspect: int = 0
) -> list[Hint]:
    given = _DISPATCH(c, batch_id=batch_id, pool=pool, limit=limit, suspect=suspect).all()
    deltas.move(batch_id, JobState.PENDING, JobState.DISPATCHED, len(given))
    in_order = sorted(map(tuple, given))
    return [Hint(job_id, epoch, is_suspect=bool(suspect)) for _, job_id, epoch in in_order]


def _put_back(c: Connection, pool: str, older_than_s: float) -> int:
    rows = _UNCLAIMED(c, pool=pool, older_than_s=older_than_s).all()
    if rows:
        _PUT_BACK(c, ids=[row.id for row in rows])
    deltas = Deltas()
    for row in rows:
        deltas.move(row.batch_id, JobState.DISPATCHED, JobState.PENDING)
    deltas.write(c)
    return len(rows)


_PARTS = {
    "due": "j.pool = :pool AND j.state = 'pending'",
    "running_columns": RUNNING_COLUMNS,
}
# A host that claims nothing now is given nothing: its messages would only pile up.
_LIVE = Sql(
    "SELECT pool, slots, models FROM hosts WHERE seen_at > {now} - :alive_s"
    " AND (trouble IS NULL OR parked_until <= {now})"
)
_BUSY = Sql("""
SELECT j.pool, count(*) AS in_flight, sum(j.suspect) AS suspects,
    sum(CASE WHEN j.state = 'running' THEN 1 ELSE 0 END) AS running
FROM {jobs_in_flight} WHERE {in_flight} GROUP BY j.pool
""")
_WAITING = Sql(
    """
SELECT b.id, EXISTS (
    SELECT 1 FROM jobs AS j
    WHERE j.batch_id = b.id AND {due} AND j.suspect = 1 AND j.not_before <= {now}
) AS has_suspects
FROM batches AS b
WHERE (b.state = 'open' OR b.state = 'ingesting' AND b.revision > 1)
    AND b.paused_reason IS NULL
    AND EXISTS (SELECT 1 FROM jobs AS j WHERE j.batch_id = b.id AND {due})
ORDER BY b.priority DESC, b.created_at, b.id
""",
    _PARTS,
)
_DISPATCH = Sql(
    """
WITH best AS (
    SELECT j.id FROM jobs AS j
    WHERE j.batch_id = :batch_id AND {due} AND j.suspect = :suspect AND j.not_before <= {now}
    ORDER BY j.line LIMIT :limit {skip_locked}
)
UPDATE jobs SET state = 'dispatched', epoch = epoch + 1, dispatched_at = {now}
FROM best WHERE jobs.id = best.id
RETURNING jobs.line, jobs.id, jobs.epoch
""",
    _PARTS,
)
_UNCLAIMED = Sql("""
SELECT j.id, j.batch_id FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'dispatched' AND j.pool = :pool
    AND j.dispatched_at < {now} - :older_than_s
ORDER BY j.id {skip_locked}
""")
_PUT_BACK = Sql("UPDATE jobs SET state = 'pending' WHERE id IN {ids}", ids="id")
_SILENT = Sql("""
SELECT DISTINCT j.session FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.lease_until < {now}
""")
_OF_SILENT = Sql(
    """
SELECT {running_columns} FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.session IN {sessions}
ORDER BY j.id {skip_locked}
""",
    _PARTS,
    sessions="session",
)
_OF_SESSION = Sql(
    """
SELECT {running_columns} FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.session = :session
ORDER BY j.id {lock}
""",
    _PARTS,
)
# Counted: Postgres would turn a second NOT EXISTS into a join with all that is in flight.
_DONE = Sql("""
SELECT b.id FROM batches AS b
WHERE b.state IN ('open', 'finalizing')
    AND NOT EXISTS (SELECT 1 FROM jobs AS p WHERE p.batch_id = b.id AND p.state = 'pending')
    AND (SELECT count(*) FROM (
        SELECT 1 FROM {jobs_in_flight} WHERE {in_flight} AND {batch} = b.id LIMIT 1
    ) AS unfinished) = 0
ORDER BY b.created_at, b.id
""")
_LOCK_BATCHES = Sql(
    "SELECT j.id FROM batches AS j WHERE j.id IN {ids} ORDER BY j.id {lock}", ids="id"
)
_FINALIZE = Sql("UPDATE batches SET state = 'finalizing' WHERE id IN {ids}", ids="id")
_COMPLETE = Sql(
    "UPDATE batches SET state = 'completed', finished_at = {now}, jobs_per_s = 0,"
    " tokens_per_s = 0, paused_reason = NULL WHERE id IN {ids}",
    ids="id",
)
_RATES = Sql(
    "UPDATE batches SET jobs_per_s = :jobs_per_s, tokens_per_s = :tokens_per_s"
    " WHERE id = :batch_id AND state = 'open'"
)
_DELAYS = Sql("""
SELECT j.started_at - j.dispatched_at FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running'
""")
