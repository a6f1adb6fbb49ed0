"""Identifiers: sortable by time, so that new rows go to the end of every index."""

import os
import time

BATCH_PREFIX = "b-"
JOB_PREFIX = "j-"

_RANDOM_BITS = 74


def batch_id() -> str:
    """A new batch id: `b-` and a UUIDv7."""
    return BATCH_PREFIX + uuid7_text(time.time_ns() // 1_000_000, os.urandom(10))


def job_ids(count: int, now_ms: int | None = None) -> list[str]:
    """`count` new job ids in ascending order: `j-` and UUIDv7s.

    The random part is counted up from one random start, which is cheaper than fresh randomness
    for each and keeps the order within one millisecond (RFC 9562, 6.2, method 2).
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    # The topmost bit is left free, so that counting cannot overflow into the time.
    start = int.from_bytes(os.urandom(10), "big") >> (80 - _RANDOM_BITS + 1)
    return [JOB_PREFIX + _format(now_ms, start + i) for i in range(count)]


def uuid7_text(now_ms: int, randomness: bytes) -> str:
    """The UUIDv7 of a time in milliseconds and 10 bytes of randomness, in its 36 characters."""
    return _format(now_ms, int.from_bytes(randomness, "big") >> (80 - _RANDOM_BITS))


def _format(now_ms: int, random_bits: int) -> str:
    rand_a = random_bits >> 62
    rand_b = random_bits & ((1 << 62) - 1)
    value = (now_ms << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
