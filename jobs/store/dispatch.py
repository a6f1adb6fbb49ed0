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
from jobs.store.ranking import Contender, in_line, in_turn, share
from jobs.store.recovery import RUNNING_COLUMNS, charge, had_it_to_itself, hand_back
from jobs.store.standings import SERVED, Standing, standings
from jobs.store.tunnels import CUTS_OFF

__all__ = [
    "Given",
    "LivePool",
    "claim_delay_p99",
    "dispatch",
    "finalize",
    "fold",
    "hand_out",
    "is_any_done",
    "keep_rates",
    "live_pools",
    "put_back_unclaimed",
    "reap_expired",
    "recall_dispatched",
    "release_session",
    "running",
]

#: The batch of a job, and what goes to its pool.
Given = tuple[str, Hint]


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
    is not parked, neither it nor its whole pool rests, and no tunnel that is down cuts it off. By
    name.
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
    """Give the best pending jobs of open batches to a pool: at most `limit`, best first."""
    standing = standings(c, [pool])[pool]
    return [hint for _, hint in hand_out(c, pool, limit, standing)]


def hand_out(c: Connection, pool: str, limit: int, standing: Standing) -> list[Given]:
    """Give the best pending jobs to a pool, by how its batches stand: at most `limit`, best first.

    Within a batch by line. Suspects come after the other jobs of their batch and one at a time,
    with nothing beside them in the pool, and each gets a worker to itself: only so is it clear
    which one kills its holder.
    """
    given: list[Given] = []
    if standing.is_testing:
        return given
    deltas = Deltas()
    batches = {contender.batch_id: contender for contender in standing.contenders}
    while len(given) < limit and (line := in_line(batches.values())):
        if not line[0].is_waiting:
            if standing.is_empty and not given:
                suspect = _give(c, deltas, line[0].batch_id, pool, 1, suspect=1)
                given += [(line[0].batch_id, hint) for hint in suspect]
            break
        round_: list[tuple[Contender, list[Hint]]] = []
        for batch_id, jobs in share(line, limit - len(given)).items():
            hints = _give(c, deltas, batch_id, pool, jobs)
            round_.append((batches[batch_id], hints))
            batches[batch_id] = batches[batch_id].served(len(hints), jobs)
        given += in_turn(round_)
    deltas.write(c)
    return given


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


def is_any_done(c: Connection) -> bool:
    """Whether `finalize` would complete a batch."""
    return _DONE(c).first() is not None


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


_PARTS = {"running_columns": RUNNING_COLUMNS}
# A host that claims nothing now is given nothing: its messages would only pile up.
_LIVE = Sql(
    """
SELECT h.pool, h.slots, h.models FROM hosts AS h
WHERE h.seen_at > {now} - :alive_s AND (trouble IS NULL OR parked_until <= {now})
    AND rests_because IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM pools AS p WHERE p.name = h.pool
            AND p.paused = 1 AND (p.paused_until IS NULL OR p.paused_until > {now})
    )
    AND NOT EXISTS (SELECT 1 FROM tunnels AS t WHERE {cuts_off})
""",
    {"cuts_off": CUTS_OFF},
)
_BUSY = Sql("""
SELECT j.pool, count(*) AS in_flight,
    sum(CASE WHEN j.state = 'running' THEN 1 ELSE 0 END) AS running
FROM {jobs_in_flight} WHERE {in_flight} GROUP BY j.pool
""")
_DISPATCH = Sql(
    """
WITH best AS (
    SELECT j.id FROM jobs AS j
    WHERE j.batch_id = :batch_id AND j.pool = :pool AND j.state = 'pending'
        AND j.suspect = :suspect AND j.not_before <= {now}
        -- How the batches stood may have been read a moment ago.
        AND EXISTS (SELECT 1 FROM batches AS b WHERE b.id = :batch_id AND {served})
    ORDER BY j.line LIMIT :limit {skip_locked}
)
UPDATE jobs SET state = 'dispatched', epoch = epoch + 1, dispatched_at = {now}
FROM best WHERE jobs.id = best.id
RETURNING jobs.line, jobs.id, jobs.epoch
""",
    {"served": SERVED},
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
# NOT IN, as Postgres would turn a second NOT EXISTS into a join with all that is in flight.
_DONE = Sql("""
SELECT b.id FROM batches AS b
WHERE b.state IN ('open', 'finalizing')
    AND NOT EXISTS (SELECT 1 FROM jobs AS p WHERE p.batch_id = b.id AND p.state = 'pending')
    AND b.id NOT IN (SELECT j.batch_id FROM {jobs_in_flight} WHERE {in_flight})
ORDER BY b.created_at, b.id
""")
_LOCK_BATCHES = Sql(
    "SELECT j.id FROM batches AS j WHERE j.id IN {ids} ORDER BY j.id {lock}", ids="id"
)
_FINALIZE = Sql("UPDATE batches SET state = 'finalizing' WHERE id IN {ids}", ids="id")
_COMPLETE = Sql(
    "UPDATE batches SET state = 'completed', finished_at = {now}, jobs_per_s = 0,"
    " tokens_per_s = 0, paused_reason = NULL, paused_by = '', paused_until = NULL"
    " WHERE id IN {ids}",
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
