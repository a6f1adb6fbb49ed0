"""Getting a group of writes through when one of its values cannot be stored."""

import logging
from collections.abc import Callable

from jobs.store.errors import DataFault
from worker.outcomes import unstorable
from worker.work import Work, Written

log = logging.getLogger(__name__)


def write_all(work: Work, write: Callable[[Work], Written]) -> Written:
    """Write `work`, halving it until only the row at fault is left to fail.

    `write` commits a piece or raises `DataFault`.
    """
    try:
        return write(work)
    except DataFault as fault:
        if work.size <= 1:
            return _set_aside(work, write, fault)
    left, right = work.halves()
    return write_all(left, write) + write_all(right, write)


def _set_aside(work: Work, write: Callable[[Work], Written], fault: DataFault) -> Written:
    if work.outcomes:
        outcome = work.outcomes[0]
        log.error(
            "The answer of job %s could not be stored (%s); the job fails.",
            outcome.job_id,
            fault,
            extra={"action": "unstorable_outcome", "job": outcome.job_id},
        )
        # Should even this one be refused, something else is wrong than the answer.
        return write(Work(outcomes=(unstorable(outcome),)))
    if work.hints:
        log.warning(
            "A hint that names no job was dropped (%s).", fault, extra={"action": "bad_hint"}
        )
        return Written()
    raise fault
