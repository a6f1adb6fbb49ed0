"""Clocks that only go forward."""

import time

# CLOCK_BOOTTIME is Linux's; on macOS the raw one goes on while the machine sleeps.
_COUNTING_SLEEP = getattr(time, "CLOCK_BOOTTIME", None) or time.CLOCK_MONOTONIC_RAW


def counting_sleep() -> float:
    """Seconds from some moment on, those in which the machine slept included.

    `time.monotonic()` stands still meanwhile, so whoever goes by it does not notice.
    """
    return time.clock_gettime(_COUNTING_SLEEP)
