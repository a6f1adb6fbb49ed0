"""How a batch stands and how it ended, in words."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from jobs.states import UNSUCCESSFUL, JobState
from nightmill.cli import words
from nightmill.report import WAYS_OUT, Failure, Report
from nightmill.status import Status


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent on a batch while a command looked; the batch may have cost more before."""

    elapsed_s: float
    #: Tokens of prompts that were read in this time, and of answers.
    new_input_tokens: int
    new_output_tokens: int


def spent(before: Status, after: Status, elapsed_s: float) -> Spent:
    """What lies between two looks at a batch."""
    return Spent(
        elapsed_s=elapsed_s,
        new_input_tokens=after.input_tokens - before.input_tokens,
        new_output_tokens=after.output_tokens - before.output_tokens,
    )


def summary(status: Status, report: Report, now: Spent, elsewhere: Sequence[str] = ()) -> list[str]:
    """What is said at the end: counts, failures, tokens and time, who did it, and where else
    prompts were than on this machine.
    """
    return [
        counts(status),
        *failures(report, status.id),
        *_effort(status, now),
        *shares(report),
        f"left this machine: {'for ' + ', '.join(elsewhere) if elsewhere else 'nothing'}",
    ]


def counts(status: Status) -> str:
    """How many rows are answered, running, waiting, and over without an answer."""
    of = status.counts
    waiting = of[JobState.PENDING] + of[JobState.DISPATCHED]
    return ", ".join(
        [
            f"{words.count(status.succeeded, 'row')} answered",
            *_some({"running": of[JobState.RUNNING], "waiting": waiting}),
            *unsuccessful(of),
            *_some({"cut at max_tokens": status.cut}),
        ]
    )


def unsuccessful(counts: Mapping[JobState, int]) -> list[str]:
    """`2 failed`, `3 expired`: how rows ended that have no answer."""
    return _some({state: counts[state] for state in JobState if state in UNSUCCESSFUL})


def speed(status: Status) -> list[str]:
    """Jobs and tokens a second and the time left, as far as they are known."""
    if status.jobs_per_s <= 0:
        return []
    parts = [f"{words.rate(status.jobs_per_s)} jobs/s"]
    if status.tokens_per_s > 0:
        parts.append(f"{words.rate(status.tokens_per_s)} tokens/s")
    if status.eta_s:
        parts.append(f"{words.duration(status.eta_s)} left")
    return parts


def failures(report: Report, batch_id: str) -> list[str]:
    """Why rows failed, and the next command to type."""
    return [line for failure in report.failures for line in _failure(failure, batch_id)]


def tokens(status: Status) -> str:
    """What was read and written."""
    return _in_and_out(status.input_tokens, status.output_tokens)


def shares(report: Report) -> list[str]:
    """Which model on which host answered how many rows."""
    return [f"by {s.model} on {s.host}: {words.count(s.rows, 'row')}" for s in report.shares]


def _some(numbers: Mapping[str, int]) -> list[str]:
    return [f"{number:,} {what}" for what, number in numbers.items() if number]


def _effort(status: Status, now: Spent) -> Iterator[str]:
    """Tokens beside the time that they took, and all tokens of the batch where there are more."""
    if now.new_input_tokens or now.new_output_tokens or not status.input_tokens:
        yield (
            f"{_in_and_out(now.new_input_tokens, now.new_output_tokens)},"
            f" in {words.duration(now.elapsed_s)}"
        )
    if status.input_tokens > now.new_input_tokens:
        yield f"{tokens(status)}, in all runs of this batch"


def _in_and_out(read: int, written: int) -> str:
    return f"{words.count(read, 'token')} in, {written:,} out"


def _failure(failure: Failure, batch_id: str) -> Iterator[str]:
    rows = words.count(failure.rows, "row")
    of_file = f" of {failure.first_file}" if failure.first_file else ""
    where = f"line {failure.first_line}{of_file}"
    yield f"  {failure.code}: {rows}, first in {where}: {failure.message}"
    way_out = WAYS_OUT[failure.code]
    # The message of a line that could not be read says it already.
    if way_out not in failure.message:
        yield f"    {way_out.replace('BATCH', batch_id)}"
