"""The verbs of a session: it claims jobs, keeps them by its heartbeat, and records their end."""

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from jobs.model import Claimed, Hint
from jobs.states import UNFINISHED, JobState
from jobs.store.counters import Deltas
from jobs.store.dialect import POSTGRES, Sql
from jobs.store.recording import record
from jobs.store.recovery import RUNNING_COLUMNS, hand_back

__all__ = ["Beat", "claim", "heartbeat", "hold", "record"]

_Row = Row[*tuple[Any, ...]]

#: A job claimed this recently may not be in the session's own books yet.
_CLAIM_GRACE_S = 5.0


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What a session learns by its heartbeat."""

    #: Jobs that are over or run elsewhere: abort them.
    lost: tuple[str, ...]
    #: Jobs that are held under a newer epoch than the session knew: record them under this one.
    epochs: dict[str, int]


def claim(
    c: Connection, session: str, host: str, hints: Sequence[Hint], lease_s: float
) -> list[Claimed]:
    """Take the jobs of a pack, in its order; what is stale, taken or cancelled is left out.

    Repeatable: a job that this session has already claimed under the same epoch comes again.
    """
    values = {"session": session, "lease_s": lease_s}
    rows = list(_CLAIM(c, pack=hints, host=host, **values))
    deltas = Deltas()
    for row in rows:
        deltas.move(row.batch_id, JobState.DISPATCHED.value, JobState.RUNNING.value)
    deltas.write(c)
    taken = {row.job_id for row in rows}
    missing = [hint for hint in hints if hint.job_id not in taken]
    if missing:
        rows += _CLAIM_AGAIN(c, pack=missing, **values)
    by_id = {row.job_id: Claimed(**dict(zip(_CLAIMED_FIELDS, row, strict=True))) for row in rows}
    return [by_id.pop(hint.job_id) for hint in hints if hint.job_id in by_id]


def hold(c: Connection, job_ids: Collection[str]) -> None:
    """Lock jobs in the order of their ids, before a transaction works on them group by group.

    Else it and one that cancels or recalls jobs, in this order too, could wait for each other.
    """
    if c.dialect.name == POSTGRES:
        _HOLD(c, ids=list(job_ids)).close()


def heartbeat(c: Connection, session: str, held: Sequence[Hint], lease_s: float) -> Beat:
    """Extend the leases of all jobs that a session holds; the whole list, every time.

    A held job that is waiting again, because its lease ran out, is taken back into this session
    with a new epoch. A running job of this session that it does not hold goes back to pending,
    unless it was claimed only a moment ago.
    """
    rows = {row.id: row for row in _HELD(c, held=held)}
    fates = {hint.job_id: _fate(rows.get(hint.job_id), hint, session) for hint in held}
    ours = [job_id for job_id, fate in fates.items() if fate is _Fate.OURS]
    strayed = [rows[job_id] for job_id, fate in fates.items() if fate is _Fate.STRAYED]

    if ours:
        _EXTEND(c, ids=ours, lease_s=lease_s)
    adopted = _adopt(c, session, strayed, lease_s)
    unheld = _UNHELD(c, session=session, ids=list(fates), grace_s=_CLAIM_GRACE_S).all()
    hand_back(c, unheld)

    newer = {h.job_id: rows[h.job_id].epoch for h in held if fates[h.job_id] is _Fate.OURS}
    known = {hint.job_id: hint.epoch for hint in held}
    return Beat(
        lost=tuple(job_id for job_id, fate in fates.items() if fate is _Fate.LOST),
        epochs={job_id: e for job_id, e in (newer | adopted).items() if e != known[job_id]},
    )


class _Fate(Enum):
    """What a held job is by now."""

    OURS = "ours"
    STRAYED = "strayed"
    LOST = "lost"


def _fate(row: _Row | None, hint: Hint, session: str) -> _Fate:
    # An epoch up to run_epoch is of an earlier run: another request, perhaps.
    if row is None or row.state not in UNFINISHED or hint.epoch <= row.run_epoch:
        return _Fate.LOST
    if row.state != JobState.RUNNING:
        return _Fate.STRAYED
    return _Fate.OURS if row.session == session else _Fate.LOST


def _adopt(c: Connection, session: str, strayed: list[_Row], lease_s: float) -> dict[str, int]:
    """Take waiting jobs back into the session; their new epochs."""
    if not strayed:
        return {}
    deltas = Deltas()
    for row in strayed:
        deltas.move(row.batch_id, row.state, JobState.RUNNING)
    deltas.write(c)
    values = {"ids": [row.id for row in strayed], "session": session, "lease_s": lease_s}
    return {row.id: row.epoch for row in _ADOPT(c, **values)}


_CLAIMED_FIELDS = (
    "job_id",
    "batch_id",
    "run",
    "epoch",
    "attempt",
    "errors",
    "crashes",
    "started_at",
    "body",
)
_PARTS = {
    "running_columns": RUNNING_COLUMNS,
    "claimed": """
RETURNING jobs.id AS job_id, batch_id, run, epoch, attempt, errors, crashes, started_at,
    (SELECT body FROM requests WHERE requests.job_id = jobs.id) AS body
""",
}
_CLAIM = Sql(
    """
WITH mine AS (
    SELECT j.id FROM {pack} AS p CROSS JOIN jobs AS j
    WHERE j.id = p.id AND j.epoch = p.epoch AND {state} = 'dispatched'
    ORDER BY j.id {lock}
)
UPDATE jobs SET state = 'running', session = :session, host = :host, attempt = attempt + 1,
    lease_until = {now} + :lease_s, started_at = {now}
FROM mine WHERE jobs.id = mine.id
{claimed}
""",
    _PARTS,
    pack="id text, epoch integer",
)
_CLAIM_AGAIN = Sql(
    """
WITH mine AS (
    SELECT j.id FROM {pack} AS p CROSS JOIN jobs AS j
    WHERE j.id = p.id AND j.epoch = p.epoch AND {state} = 'running' AND j.session = :session
    ORDER BY j.id {lock}
)
UPDATE jobs SET lease_until = {now} + :lease_s FROM mine WHERE jobs.id = mine.id
{claimed}
""",
    _PARTS,
    pack="id text, epoch integer",
)
_HOLD = Sql("SELECT 1 FROM jobs AS j WHERE j.id IN {ids} ORDER BY j.id {lock}", ids="id")
_HELD = Sql(
    """
SELECT j.id, j.batch_id, j.state, j.session, j.epoch, j.run_epoch
FROM {held} AS h CROSS JOIN jobs AS j WHERE j.id = h.id ORDER BY j.id {lock}
""",
    held="id text, epoch integer",
)
_EXTEND = Sql("UPDATE jobs SET lease_until = {now} + :lease_s WHERE id IN {ids}", ids="id")
_ADOPT = Sql(
    """
UPDATE jobs SET state = 'running', epoch = epoch + 1, session = :session,
    host = coalesce((SELECT min(name) FROM hosts WHERE hosts.session = :session), host),
    started_at = coalesce(started_at, {now}), lease_until = {now} + :lease_s
WHERE id IN {ids} RETURNING id, epoch
""",
    ids="id",
)
_UNHELD = Sql(
    """
SELECT {running_columns} FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.session = :session
    AND j.started_at < {now} - :grace_s AND j.id NOT IN {ids}
ORDER BY j.id {lock}
""",
    _PARTS,
    ids="id",
)
