"""What the log says of an attempt that failed: ids, codes and places, never a prompt."""

import logging
import math

from backends.errors import BackendError
from worker.frames import frames_of
from worker.verdict import Verdict

log = logging.getLogger(__name__)


def log_failure(job_id: str, error: Exception, verdict: Verdict) -> None:
    """Say what happened and what becomes of the job and of the host."""
    about = {"job": job_id, "code": verdict.code.value}
    if not isinstance(error, BackendError):
        log.error(
            "Job %s failed of something unexpected.\n%s",
            job_id,
            frames_of(error),
            extra={"action": "job_failed_unexpectedly", **about},
        )
    elif math.isinf(verdict.park_s):
        log.critical(
            "Job %s: %s Nothing more is claimed until this worker is started again.",
            job_id,
            error,
            extra={"action": "privacy_breach", **about},
        )
    elif verdict.park_s:
        log.warning(
            "Job %s is handed back: %s Nothing is claimed for %g s.",
            job_id,
            error,
            verdict.park_s,
            extra={"action": "backend_parked", **about},
        )
    else:
        log.info(
            "An attempt of job %s ended in %s (%s); the job is %s.",
            job_id,
            type(error).__name__,
            verdict.code,
            verdict.state,
            extra={"action": "attempt_failed", **about},
        )
