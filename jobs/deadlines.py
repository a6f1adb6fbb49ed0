"""Whether a batch keeps its deadline: pure decisions.

All times are seconds; `left_s` is what is left until the deadline, less than 0 where it has passed.
A pace of 0 jobs a second is not known.
"""

#: A deadline is near when less time is left than so many times what the rest still needs.
MARGIN = 1.5
#: Where no pace is known: when less than this part of the whole time is left.
LAST_PART = 0.1


def is_near(left_s: float, span_s: float, unfinished: int, jobs_per_s: float) -> bool:
    """Whether a batch should come before its equals, so that it is done in time.

    `span_s` is the whole time that it had.
    """
    if jobs_per_s > 0:
        return left_s < MARGIN * unfinished / jobs_per_s
    return left_s < LAST_PART * span_s


def late_by_s(left_s: float, unfinished: int, jobs_per_s: float) -> float | None:
    """How late the last row will be at this pace; 0 where it is in time, None where that is not
    known.
    """
    if not unfinished:
        return 0.0
    if jobs_per_s <= 0:
        return None
    return max(0.0, unfinished / jobs_per_s - left_s)
