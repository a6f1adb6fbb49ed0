"""A store with what tests do to it in short words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from jobs.codes import ErrorCode
from jobs.model import Claimed, Counts, Hint, NewBatch, NewJob, Outcome, ResultRow
from jobs.states import JobState
from jobs.store import batches, dispatch, ending, ingest, results, retrying, running
from jobs.store.rewriting import Rewrite
from jobs.store.store import Store
from producer import reopening

LEASE_S = 60.0
AS_IT_IS = Rewrite()


def new_batch(run_key: str = "out.jsonl", **changes: Any) -> NewBatch:
    values = {
        "name": "tickets",
        "run_key": run_key,
        "source": "in.jsonl",
        "output": "/out.jsonl",
        "into": "response",
        "options": {"prompt": None, "temperature": 0.5},
        "model": "demo",
        "pool": "mlx",
    }
    return NewBatch(**values | changes)


def line(number: int, custom_id: str | None = None, *, body: str = "{}", **changes: Any) -> NewJob:
    values = {
        "line": number,
        "custom_id": custom_id or f"row-{number}",
        "kind": "row",
        "row": f'{{"line": {number}}}',
        "body": body,
        "hash": f"hash of {body}",
        "model": "demo",
        "pool": "mlx",
    }
    return NewJob(**values | changes)


def bad_line(number: int, custom_id: str | None = None) -> NewJob:
    return NewJob(
        line=number,
        custom_id=custom_id,
        kind="row",
        row=None,
        body=None,
        hash="",
        model="demo",
        pool="mlx",
        error_code=ErrorCode.INVALID_JSON,
        error_message="No JSON.",
    )


def outcome(job: Claimed, state: JobState = JobState.SUCCEEDED, **changes: Any) -> Outcome:
    values = {
        "job_id": job.job_id,
        "batch_id": job.batch_id,
        "run": job.run,
        "epoch": job.epoch,
        "attempt": job.attempt,
        "session": "s1",
        "host": "studio",
        "pool": "mlx",
        "model": "demo",
        "state": state,
        "started_at": job.started_at,
    }
    if state is JobState.SUCCEEDED:
        values |= {"text": "an answer", "finish_reason": "stop", "output_tokens": 3}
    elif state is JobState.FAILED:
        values |= {"error_code": ErrorCode.REFUSED, "error_message": "No."}
    return Outcome(**values | changes)


@dataclass
class Desk:
    """One transaction for each word."""

    store: Store

    def batch(self, *lines: NewJob, batch_id: str = "b-1", **changes: Any) -> str:
        """A batch whose whole input has been read; ten rows unless told otherwise."""
        changes.setdefault("run_key", batch_id)
        with self.store.write() as c:
            batches.create(c, batch_id, new_batch(**changes))
            ingest.add(c, batch_id, 1, lines or [line(i) for i in range(1, 11)])
            batches.finish_ingest(c, batch_id, "hash")
        return batch_id

    def reread(self, *lines: NewJob, batch_id: str = "b-1") -> ingest.Added:
        """The input of a batch is read again and has these lines now."""
        with self.store.write() as c:
            revision = batches.reopen_ingest(c, batch_id).revision
            added = ingest.add(c, batch_id, revision, lines)
        reopening.end_reading(self.store, batch_id, revision)
        with self.store.write() as c:
            batches.finish_ingest(c, batch_id, "another hash")
        return added

    def dispatch(self, limit: int = 100, pool: str = "mlx") -> list[Hint]:
        with self.store.write() as c:
            return dispatch.dispatch(c, pool, limit)

    def claim(
        self,
        hints: Sequence[Hint],
        session: str = "s1",
        lease_s: float = LEASE_S,
        host: str = "studio",
    ) -> list[Claimed]:
        with self.store.write() as c:
            return running.claim(c, session, host, hints, lease_s)

    def take(
        self, limit: int = 100, session: str = "s1", lease_s: float = LEASE_S
    ) -> list[Claimed]:
        """Dispatch and claim."""
        return self.claim(self.dispatch(limit), session, lease_s)

    def take_a_suspect(self) -> Claimed:
        """Dispatch and claim the only job there is, once it has been in flight when s1 died."""
        self.take()
        self.release()
        (job,) = self.take()
        return job

    def beat(self, *held: Hint, session: str = "s1", lease_s: float = LEASE_S) -> running.Beat:
        with self.store.write() as c:
            return running.heartbeat(c, session, held, lease_s)

    def record(self, *outcomes: Outcome) -> set[str]:
        with self.store.write(durable=True) as c:
            return running.record(c, outcomes)

    def release(self, session: str = "s1", **how: Any) -> int:
        with self.store.write() as c:
            return dispatch.release_session(c, session, **how)

    def reap(self) -> int:
        with self.store.write() as c:
            return dispatch.reap_expired(c)

    def cancel(self, batch_id: str = "b-1") -> int:
        with self.store.write() as c:
            return ending.cancel(c, batch_id)

    def resume(self, batch_id: str = "b-1") -> None:
        """The command that began a batch is given again."""
        reopening.resume(self.store, batch_id, lambda _c: None)

    def retry(
        self,
        batch_id: str = "b-1",
        after: int = 0,
        limit: int = 100,
        *,
        only: tuple[ErrorCode, ...] = (),
        rewrite: Rewrite = AS_IT_IS,
    ) -> int:
        with self.store.write() as c:
            page = retrying.open_page(c, batch_id, after, limit, codes=only, rewrite=rewrite)
            return len(page.job_ids)

    def finalize(self) -> list[str]:
        with self.store.write() as c:
            return dispatch.finalize(c)

    def page(self, batch_id: str = "b-1", after: int = 0, limit: int = 1000) -> list[ResultRow]:
        with self.store.read() as c:
            return results.page(c, batch_id, after, limit)

    def counts(self, batch_id: str = "b-1") -> Counts:
        with self.store.read() as c:
            return batches.counts(c, batch_id)

    def batch_state(self, batch_id: str = "b-1") -> str:
        with self.store.read() as c:
            return batches.get(c, batch_id).state

    def states(self, batch_id: str = "b-1") -> dict[int, str]:
        """The state of each row that is in the batch, by its line."""
        sql = "SELECT line, state FROM jobs WHERE batch_id = :b AND revision > 0 ORDER BY line"
        return dict(self.ask(sql, b=batch_id))

    def job(self, job_id: str) -> Any:
        """The row of a job."""
        return self.ask("SELECT * FROM jobs WHERE id = :id", id=job_id)[0]

    def attempts(self) -> list[tuple[int, int, str]]:
        """Run, attempt and outcome of every attempt that ended, in the order of their jobs."""
        return self.ask("SELECT run, attempt, outcome FROM attempts ORDER BY job_id, run, attempt")

    def ask(self, sql: str, **values: Any) -> list[Any]:
        with self.store.read() as c:
            return [tuple(row) if len(row) < 10 else row for row in c.execute(text(sql), values)]

    def do(self, sql: str, **values: Any) -> None:
        with self.store.write() as c:
            c.execute(text(sql), values)

    def recount(self, batch_id: str = "b-1") -> dict[str, int]:
        """What the counters must say, from the jobs themselves."""
        sql = "SELECT state, count(*) FROM jobs WHERE batch_id = :b AND revision > 0 GROUP BY state"
        cut = (
            "SELECT count(*) FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run"
            " WHERE j.batch_id = :b AND j.revision > 0 AND r.finish_reason = 'length'"
        )
        found = dict(self.ask(sql, b=batch_id))
        found["cut"] = self.ask(cut, b=batch_id)[0][0]
        return {field: found.get(field, 0) for field in (*JobState, "cut")}

    def counted(self, batch_id: str = "b-1") -> dict[str, int]:
        """What the counters do say."""
        counts = self.counts(batch_id)
        return {field: getattr(counts, field) for field in (*JobState, "cut")}


def hints_of(jobs: Sequence[Claimed]) -> list[Hint]:
    return [Hint(job.job_id, job.epoch) for job in jobs]
