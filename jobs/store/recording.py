"""How attempts end: what is taken, and what comes too late."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from jobs.model import Outcome
from jobs.states import UNFINISHED, JobState
from jobs.store import samples
from jobs.store.counters import Deltas
from jobs.store.dialect import Insert, Sql
from jobs.store.recovery import ATTEMPTS

_Row = Row[*tuple[Any, ...]]


def record(c: Connection, outcomes: Sequence[Outcome]) -> set[str]:
    """Write down how attempts ended; the ids of the jobs whose outcome was taken.

    The others came too late: the run has its record, the job was given to somebody else, or it
    is not there any more. Texts must be storable (no NUL, no lone surrogate): else `DataFault`.
    """
    jobs = {row.id: row for row in _LOCK(c, ids=[outcome.job_id for outcome in outcomes])}
    taken: dict[str, Outcome] = {}
    late: dict[tuple[str, int, int], Outcome] = {}
    for outcome in outcomes:
        job = jobs.get(outcome.job_id)
        if job is None:
            continue
        if outcome.job_id not in taken and is_welcome(job, outcome):
            taken[outcome.job_id] = outcome
        else:
            late[outcome.job_id, outcome.run, outcome.attempt] = outcome
    if jobs:
        now = next(iter(jobs.values())).now
        _write_taken(c, list(taken.values()), now)
        ATTEMPTS(c, [_attempt(o, "late", now) for o in late.values() if o.job_id not in taken])
        _count(c, jobs, taken.values())
        samples.tally(c, taken.values())
    return set(taken)


def is_welcome(job: Any, outcome: Outcome) -> bool:
    """Whether an outcome may still change a job, given its row.

    Only the present run can be ended, and once. An answer of an earlier dispatch is as good as
    any; a failure or a hand-back speaks for the job's present holder alone.
    """
    if job.run != outcome.run or job.state not in UNFINISHED:
        return False
    if outcome.state is JobState.SUCCEEDED:
        return True
    return (job.state, job.epoch, job.session) == (
        JobState.RUNNING,
        outcome.epoch,
        outcome.session,
    )


def _write_taken(c: Connection, taken: list[Outcome], now: float) -> None:
    if not taken:
        return
    _END(
        c,
        jobs=[
            (
                o.job_id,
                o.state,
                o.host,
                o.counted_errors,
                o.counted_crashes,
                int(o.is_suspect),
                now + o.retry_in_s,
            )
            for o in taken
        ],
    )
    _RESULTS(c, [_result(o, now) for o in taken if o.state.is_terminal])
    ATTEMPTS(c, [_attempt(o, _label(o), now) for o in taken])


def _label(outcome: Outcome) -> str:
    """The attempt's outcome: a try that failed and comes again, or one that was handed back."""
    if outcome.state is JobState.PENDING:
        return "handed_back" if outcome.error_code is None else "error"
    return outcome.state.value


def _result(o: Outcome, now: float) -> tuple[Any, ...]:
    return (
        o.job_id,
        o.run,
        o.state.value,
        o.text,
        o.reasoning,
        o.finish_reason,
        o.model,
        o.input_tokens,
        o.output_tokens,
        None if o.error_code is None else o.error_code.value,
        o.error_message,
        now,
        o.form,
    )


def _attempt(o: Outcome, label: str, now: float) -> tuple[Any, ...]:
    return (
        o.job_id,
        o.run,
        o.attempt,
        o.epoch,
        o.session,
        o.host,
        o.pool,
        o.model,
        o.started_at,
        now,
        label,
        None if o.error_code is None else o.error_code.value,
        o.input_tokens,
        o.output_tokens,
    )


def _count(c: Connection, jobs: Mapping[str, _Row], taken: Iterable[Outcome]) -> None:
    deltas = Deltas()
    for o in taken:
        job = jobs[o.job_id]
        deltas.move(job.batch_id, job.state, o.state)
        deltas.add(job.batch_id, "input_tokens", o.input_tokens)
        deltas.add(job.batch_id, "output_tokens", o.output_tokens)
        deltas.add(job.batch_id, "cut", _is_cut(o))
    deltas.write(c)


def _is_cut(o: Outcome) -> bool:
    return o.state is JobState.SUCCEEDED and o.finish_reason == "length"


_LOCK = Sql(
    """
SELECT j.id, j.batch_id, j.state, j.run, j.epoch, j.session, {now} AS now
FROM jobs AS j WHERE j.id IN {ids} ORDER BY j.id {lock}
""",
    ids="id",
)
_END = Sql(
    """
UPDATE jobs SET state = o.state, host = o.host, errors = errors + o.counted_errors,
    crashes = crashes + o.counted_crashes,
    suspect = CASE WHEN o.suspect = 1 THEN 1 ELSE jobs.suspect END,
    not_before = o.not_before, session = NULL, lease_until = NULL
FROM {jobs} AS o WHERE jobs.id = o.id
""",
    jobs="id text, state text, host text, counted_errors integer, counted_crashes integer,"
    " suspect integer, not_before double precision",
)
_RESULTS = Insert(
    "results",
    "job_id text, run integer, state text, text text, reasoning text, finish_reason text,"
    " model text, input_tokens integer, output_tokens integer, error_code text,"
    " error_message text, finished_at double precision, form text",
)
