"""Identifiers: sortable by time, so that new rows go to the end of every index."""

import os
import time

BATCH_PREFIX = "b-"
JOB_PREFIX = "j-"

_VERSION = 0x7
_VARIANT = 0b10
_COUNTED_BITS = 62


def batch_id() -> str:
    """A new batch id: `b-` and a UUIDv7."""
    return _ids(BATCH_PREFIX, 1, time.time_ns() // 1_000_000)[0]


def job_ids(count: int, now_ms: int | None = None) -> list[str]:
    """`count` new job ids in ascending order: `j-` and UUIDv7s.

    The random part is counted up from one random start, which is cheaper than fresh randomness
    for each and keeps the order within one millisecond (RFC 9562, 6.2, method 2).
    """
    return _ids(JOB_PREFIX, count, time.time_ns() // 1_000_000 if now_ms is None else now_ms)


def _ids(prefix: str, count: int, now_ms: int) -> list[str]:
    rand_a = int.from_bytes(os.urandom(2), "big") >> 4
    head = f"{now_ms:012x}{_VERSION:x}{rand_a:03x}"
    front = f"{prefix}{head[:8]}-{head[8:12]}-{head[12:]}-"
    # The topmost counted bit is left free, so that counting cannot overflow.
    start = int.from_bytes(os.urandom(8), "big") >> (64 - _COUNTED_BITS + 1)
    first = (_VARIANT << _COUNTED_BITS) | start
    tails = [f"{number:016x}" for number in range(first, first + count)]
    return [f"{front}{tail[:4]}-{tail[4:]}" for tail in tails]
