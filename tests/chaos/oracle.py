"""The judge: what the harness wrote down itself, against what the store holds in the end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.world import prompt_of

TERMINAL = {"succeeded", "failed", "cancelled", "expired"}

_JOBS = (
    "SELECT id, batch_id, custom_id, pool, state, run, crashes, dispatched_at, started_at FROM jobs"
)
_RESULTS = "SELECT job_id, run, state, text, error_code, finished_at FROM results"
_ATTEMPTS = (
    "SELECT job_id, run, attempt, session, started_at, ended_at, outcome, output_tokens"
    " FROM attempts"
)

#: A statement that waits for a row has the time at which it began to wait.
_LOCK_WAIT_S = 0.5

#: As it is set where nothing is said.
MAX_CRASHES = 3

Row = Any
Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Dump:
    """The store in the end."""

    jobs: Sequence[Row]
    results: Sequence[Row]
    attempts: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    #: Which one: `lost`, `unasked`, `twice`, `again`, `refused`, `poisoned`, `charged`, `wrong`
    #: or `failed`.
    kind: str
    job: str
    text: str


def dump(ask: Callable[[str], Sequence[Row]]) -> Dump:
    """Read everything that is judged."""
    return Dump(jobs=ask(_JOBS), results=ask(_RESULTS), attempts=ask(_ATTEMPTS))


def violations(journal: Sequence[Entry], dump: Dump) -> list[Violation]:
    """Every broken promise."""
    return [
        *_lost(journal, dump),
        *_twice(dump),
        *_again(dump),
        *_refused(dump),
        *_charged(journal, dump),
        *_wrong(journal, dump),
    ]


def _lost(journal: Sequence[Entry], dump: Dump) -> Iterator[Violation]:
    """Each accepted row is one job with one record of its present run, and nothing else is."""
    accepted = {(e["batch"], i) for e in journal if e["event"] == "accepted" for i in e["ids"]}
    found = Counter((job.batch_id, job.custom_id) for job in dump.jobs)
    records = Counter((result.job_id, result.run) for result in dump.results)
    for batch, custom_id in sorted(accepted - found.keys()):
        yield Violation(kind="lost", job=custom_id, text=f"accepted in {batch}, not in the store")
    for key in sorted(found.keys() - accepted):
        yield Violation(kind="unasked", job=key[1], text=f"in {key[0]}, which has not accepted it")
    for job in dump.jobs:
        if found[job.batch_id, job.custom_id] != 1:
            yield Violation(kind="twice", job=job.custom_id, text="is more than one job")
        if job.state not in TERMINAL or records[job.id, job.run] != 1:
            count = records[job.id, job.run]
            yield Violation(kind="lost", job=job.custom_id, text=f"{job.state}, {count} records")


def _twice(dump: Dump) -> Iterator[Violation]:
    """No run of a job has two records, or was won twice."""
    records = Counter((result.job_id, result.run) for result in dump.results)
    won = Counter((a.job_id, a.run) for a in dump.attempts if a.outcome == "succeeded")
    for what, counts in (("records", records), ("attempts that succeeded", won)):
        for (job, run), count in counts.items():
            if count > 1:
                yield Violation(kind="twice", job=job, text=f"run {run} has {count} {what}")


def _again(dump: Dump) -> Iterator[Violation]:
    """No attempt began when the run had its record."""
    finished_at = {(result.job_id, result.run): result.finished_at for result in dump.results}
    for a in dump.attempts:
        late_s = a.started_at - finished_at.get((a.job_id, a.run), float("inf"))
        if late_s > 0:
            text = f"attempt {a.attempt} began {late_s:.3f} s after the record of run {a.run}"
            yield Violation(kind="again", job=a.job_id, text=text)


def _refused(dump: Dump) -> Iterator[Violation]:
    """An answer that came late was refused only where the run had its record by then."""
    finished_at = {(result.job_id, result.run): result.finished_at for result in dump.results}
    for a in dump.attempts:
        # What has tokens is an answer.
        if a.outcome == "late" and a.output_tokens:
            early_s = finished_at.get((a.job_id, a.run), float("inf")) - a.ended_at
            if early_s > _LOCK_WAIT_S:
                text = f"attempt {a.attempt} was refused {early_s:.3f} s before the record"
                yield Violation(kind="refused", job=a.job_id, text=text)


def _charged(journal: Sequence[Entry], dump: Dump) -> Iterator[Violation]:
    """A job is charged only with deaths that it was alone in; three of them make it poison."""
    deaths = [entry for entry in journal if entry["event"] == "died"]
    to_blame = Counter(job for death in deaths if (job := _alone_in(death, dump)) is not None)
    errors = {(result.job_id, result.run): result.error_code for result in dump.results}
    for job in dump.jobs:
        if job.crashes > to_blame[job.id]:
            text = f"{job.crashes} crashes, alone in {to_blame[job.id]}"
            yield Violation(kind="charged", job=job.id, text=text)
        if errors.get((job.id, job.run)) == "poison" and to_blame[job.id] < MAX_CRASHES:
            text = f"alone in {to_blame[job.id]} deaths"
            yield Violation(kind="poisoned", job=job.id, text=text)


def _alone_in(death: Entry, dump: Dump) -> str | None:
    """The job that was alone when something died, if one was.

    In an engine that is what the engine has written down. A worker may also have claimed what its
    engine had not begun, or not quite recorded what it had ended.
    """
    held = set(death["held"])
    if not death["engine"]:
        held |= _claimed_by(death, dump)
    ids = {job.custom_id: job.id for job in dump.jobs}
    return ids.get(held.pop()) if len(held) == 1 else None


def _claimed_by(death: Entry, dump: Dump) -> set[str]:
    """The rows that were a worker's when it died."""
    custom_ids = {job.id: job.custom_id for job in dump.jobs}
    return {
        custom_ids[a.job_id]
        for a in dump.attempts
        if a.session == death["session"] and a.outcome != "succeeded" and a.ended_at > death["at"]
    }


def _wrong(journal: Sequence[Entry], dump: Dump) -> Iterator[Violation]:
    """Every row that nobody cancelled has its own answer: the prompt again, but by a real model."""
    cancelled = {entry["batch"] for entry in journal if entry["event"] == "cancelled"}
    results = {(result.job_id, result.run): result for result in dump.results}
    for job in dump.jobs:
        result = results.get((job.id, job.run))
        if result is None or result.error_code == "poison":
            continue
        if result.state == "succeeded":
            if job.pool != "mlx" and (result.text or "").strip() != prompt_of(job.custom_id):
                yield Violation(kind="wrong", job=job.custom_id, text="has another row's answer")
        elif not (result.state == "cancelled" and job.batch_id in cancelled):
            text = f"{result.state}: {result.error_code}"
            yield Violation(kind="failed", job=job.custom_id, text=text)
