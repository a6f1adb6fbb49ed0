"""The states of a job and of a batch, and the only moves between them.

`docs/states.md` draws the same tables; a test holds the two together.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum


class JobState(StrEnum):
    """Where one job is in its present run."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether a run that is in this state is over."""
        return self in TERMINAL


class BatchState(StrEnum):
    """Where one batch is, from its first line read to its last job finished."""

    INGESTING = "ingesting"
    OPEN = "open"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    #: Somebody wants it gone: nobody else sees it any more, and what is left of it goes.
    DELETING = "deleting"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen in this batch unless somebody asks."""
        return self in BATCH_OVER


TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})
UNFINISHED = frozenset(JobState) - TERMINAL
#: Over, and without an answer: because of these a command ends with 1.
UNSUCCESSFUL = TERMINAL - {JobState.SUCCEEDED}
BATCH_OVER = frozenset(
    {
        BatchState.COMPLETED,
        BatchState.CANCELLED,
        BatchState.EXPIRED,
        BatchState.FAILED,
        BatchState.DELETING,
    }
)


def number_in(states: Collection[JobState], counts: Mapping[JobState, int]) -> int:
    """How many of so many jobs by state are in any of these states."""
    return sum(counts[state] for state in states)


#: Moves within one run, and the one move (to PENDING from a terminal state) that opens the next.
JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        # RUNNING: a session that still holds it takes it back by its heartbeat.
        # SUCCEEDED: a late answer of an earlier epoch is welcome while the job is unfinished.
        {
            JobState.DISPATCHED,
            JobState.RUNNING,
            JobState.SUCCEEDED,
            JobState.CANCELLED,
            JobState.EXPIRED,
        }
    ),
    JobState.DISPATCHED: frozenset(
        {
            JobState.PENDING,
            JobState.RUNNING,
            JobState.SUCCEEDED,
            JobState.CANCELLED,
            JobState.EXPIRED,
        }
    ),
    JobState.RUNNING: frozenset(
        {
            JobState.PENDING,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.EXPIRED,
        }
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.PENDING}),
    JobState.CANCELLED: frozenset({JobState.PENDING}),
    JobState.EXPIRED: frozenset({JobState.PENDING}),
}

BATCH_MOVES: dict[BatchState, frozenset[BatchState]] = {
    BatchState.INGESTING: frozenset(
        # COMPLETED: the input was read again, and all of it had been answered before.
        # EXPIRED: it was read again, and what it had before goes on meanwhile.
        {
            BatchState.OPEN,
            BatchState.COMPLETED,
            BatchState.CANCELLED,
            BatchState.EXPIRED,
            BatchState.FAILED,
            BatchState.DELETING,
        }
    ),
    BatchState.OPEN: frozenset(
        {
            BatchState.INGESTING,
            BatchState.FINALIZING,
            BatchState.CANCELLED,
            BatchState.EXPIRED,
            BatchState.DELETING,
        }
    ),
    BatchState.FINALIZING: frozenset({BatchState.COMPLETED, BatchState.DELETING}),
    # The same command again reads the input again: that is how rows are added and changed.
    BatchState.COMPLETED: frozenset({BatchState.INGESTING, BatchState.OPEN, BatchState.DELETING}),
    BatchState.CANCELLED: frozenset({BatchState.INGESTING, BatchState.OPEN, BatchState.DELETING}),
    BatchState.EXPIRED: frozenset({BatchState.INGESTING, BatchState.OPEN, BatchState.DELETING}),
    BatchState.FAILED: frozenset({BatchState.INGESTING, BatchState.DELETING}),
    BatchState.DELETING: frozenset(),
}
