"""How far a batch is, as a value for programs and for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from jobs.deadlines import late_by_s
from jobs.model import BRAKE, Batch, Counts
from jobs.states import BatchState, JobState
from nightmill.cut_off import CutOff
from nightmill.rests import PoolRest, rests_of
from nightmill.trouble import Trouble, trouble_of

if TYPE_CHECKING:
    # A status is told without a database where it can be.
    from jobs.store.hosts import HostRow, Rest


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch is; the fields are those of `nightmill status BATCH --json`."""

    id: str
    name: str
    #: One of `ingesting`, `open`, `finalizing`, `completed`, `cancelled`, `expired`, `failed`.
    state: BatchState
    #: Batches with a higher one go first.
    priority: int
    #: Rows run at once at most; None is as many as there is room.
    max_running: int | None
    #: When what is not done expires, in seconds since the epoch; None is never.
    deadline: float | None
    #: Seconds that its last row will be too late at the present rate, 0 where it is in time; None
    #: where that is not known, or there is no deadline.
    late_by_s: float | None
    #: Why nothing of it is handed out for now; None where it is not paused.
    paused_reason: str | None
    #: `brake` where too much of it failed, else the user who paused it; None as above.
    paused_by: str | None
    #: When it goes on by itself, in seconds since the epoch; None is when it is resumed.
    paused_until: float | None
    #: Number of jobs by state: `pending`, `dispatched`, `running`, `succeeded`, `failed`, …
    counts: dict[JobState, int]
    #: Answers that were cut at their row's own max_tokens; they count as succeeded.
    cut: int
    input_tokens: int
    output_tokens: int
    #: Smoothed; 0 when nothing runs.
    jobs_per_s: float
    tokens_per_s: float
    #: Seconds to the end at the present rate; None where that is not known.
    eta_s: float | None
    model: str
    pool: str
    #: Absolute path of the results; empty without one.
    output: str
    #: The pools that unfinished rows wait for or run in, and those of them that no host serves,
    #: though no tunnel cuts them off.
    pools: tuple[str, ...]
    unserved: tuple[str, ...]
    #: What keeps all these pools from serving anybody, while it does.
    trouble: Trouble | None
    #: Those of these pools that begin nothing now, because somebody paused them or by their hours.
    rests: tuple[PoolRest, ...]
    #: Those of these pools whose hosts nobody reaches now, because a tunnel is down.
    cut_off: tuple[CutOff, ...]

    @property
    def needs_a_look(self) -> bool:
        """Whether it is paused because too much of it failed: it does not go on by itself."""
        return self.paused_by == BRAKE

    @property
    def total(self) -> int:
        """All jobs of the batch."""
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        """Jobs that are over, however they ended."""
        return sum(count for state, count in self.counts.items() if state.is_terminal)

    @property
    def unfinished(self) -> int:
        """Jobs that still have to end."""
        return self.total - self.finished

    @property
    def succeeded(self) -> int:
        """Jobs that have an answer."""
        return self.counts[JobState.SUCCEEDED]

    @property
    def unsuccessful(self) -> int:
        """Jobs that failed, were cancelled or expired."""
        return self.finished - self.succeeded

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen in this batch unless somebody asks.

        Of one that has just ended some rows may still wait for their record.
        """
        return self.state.is_over and not self.unfinished


def status_of(
    batch: Batch,
    counts: Counts,
    living: "Sequence[HostRow]" = (),
    pools: tuple[str, ...] = (),
    *,
    left_s: float | None = None,
    resting: "Mapping[str, Rest] | None" = None,
    cut_off: tuple[CutOff, ...] = (),
) -> Status:
    """The status of a batch with these counts, whose rows wait for these pools, while these hosts
    live, these pools rest and those are cut off, and which has so many seconds to its deadline.
    """
    is_paused = batch.paused_reason is not None
    troubles = [trouble_of(living, pool) for pool in pools]
    accounted_for = {host.pool for host in living} | {each.pool for each in cut_off}
    by_state = {state: getattr(counts, state.value) for state in JobState}
    # What a dispatcher that has ended noted last says nothing any more.
    is_moving = counts.running > 0
    jobs_per_s = batch.jobs_per_s if is_moving else 0.0
    return Status(
        id=batch.id,
        name=batch.name,
        state=batch.state,
        priority=batch.priority,
        max_running=batch.max_running,
        deadline=batch.deadline,
        late_by_s=None if left_s is None else late_by_s(left_s, counts.unfinished, jobs_per_s),
        paused_reason=batch.paused_reason,
        paused_by=batch.paused_by if is_paused else None,
        paused_until=batch.paused_until if is_paused else None,
        counts=by_state,
        cut=counts.cut,
        input_tokens=counts.input_tokens,
        output_tokens=counts.output_tokens,
        jobs_per_s=jobs_per_s,
        tokens_per_s=batch.tokens_per_s if is_moving else 0.0,
        eta_s=counts.unfinished / jobs_per_s if jobs_per_s > 0 else None,
        model=batch.model,
        pool=batch.pool,
        output=batch.output,
        pools=pools,
        unserved=tuple(pool for pool in pools if pool not in accounted_for),
        trouble=troubles[0] if troubles and all(troubles) else None,
        rests=rests_of(resting or {}, pools),
        cut_off=cut_off,
    )
