"""How an attempt ended, put into the form in which it is recorded."""

import msgspec

from jobs.codes import ErrorCode
from jobs.model import Claimed, GenerationResult, Outcome
from jobs.states import JobState
from worker.verdict import Verdict


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who this worker process is, as the store knows it."""

    #: A UUID of this process.
    session: str
    #: The machine.
    host: str
    pool: str
    #: The id of the folder whose lock guards the name.
    guard: str = ""

    @property
    def name(self) -> str:
        """The worker's name, one for each pool of a machine: `mlx@studio`."""
        return f"{self.pool}@{self.host}"


def succeeded(who: Identity, job: Claimed, result: GenerationResult) -> Outcome:
    """The outcome of an attempt whose answer passed its checks."""
    return Outcome(
        job_id=job.job_id,
        batch_id=job.batch_id,
        run=job.run,
        epoch=job.epoch,
        attempt=job.attempt,
        session=who.session,
        host=who.name,
        pool=who.pool,
        model=result.model,
        state=JobState.SUCCEEDED,
        started_at=job.started_at,
        text=result.text,
        reasoning=result.reasoning,
        form=result.form,
        finish_reason=result.finish_reason,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
    )


def judged(who: Identity, job: Claimed, model: str, verdict: Verdict) -> Outcome:
    """The outcome of an attempt that failed, by its verdict."""
    return msgspec.structs.replace(
        _without_answer(who, job, verdict.state),
        model=model,
        counted_errors=verdict.counted_errors,
        counted_crashes=verdict.counted_crashes,
        is_suspect=verdict.is_suspect,
        retry_in_s=verdict.retry_in_s,
        error_code=verdict.code,
        error_message=verdict.message,
    )


def used(outcome: Outcome, input_tokens: int, output_tokens: int) -> Outcome:
    """The same outcome of an attempt that failed after a model had answered."""
    return msgspec.structs.replace(outcome, input_tokens=input_tokens, output_tokens=output_tokens)


def handed_back(who: Identity, job: Claimed) -> Outcome:
    """The outcome of an attempt that was broken off because the host stops: nobody is charged."""
    return _without_answer(who, job, JobState.PENDING)


def unstorable(outcome: Outcome) -> Outcome:
    """The failure that stands in for an outcome that the store refused: without its values."""
    return msgspec.structs.replace(
        outcome,
        model="",
        state=JobState.FAILED,
        counted_errors=1,
        retry_in_s=0.0,
        text=None,
        reasoning=None,
        form="text",
        finish_reason=None,
        input_tokens=0,
        output_tokens=0,
        error_code=ErrorCode.BACKEND_FAILED,
        error_message="The answer could not be stored.",
    )


def _without_answer(who: Identity, job: Claimed, state: JobState) -> Outcome:
    return Outcome(
        job_id=job.job_id,
        batch_id=job.batch_id,
        run=job.run,
        epoch=job.epoch,
        attempt=job.attempt,
        session=who.session,
        host=who.name,
        pool=who.pool,
        model="",
        state=state,
        started_at=job.started_at,
    )
