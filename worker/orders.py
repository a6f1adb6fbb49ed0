"""What the event loop asks of the writer: claims and records, each with its answer."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from jobs.errors import StoreError
from jobs.model import Claimed, Hint, Outcome
from worker.work import Work, Written


class Claim(msgspec.Struct, frozen=True):
    """Asks for the jobs of some hints."""

    hints: Sequence[Hint]
    done: asyncio.Future[list[Claimed]]


class Record(msgspec.Struct, frozen=True):
    """Asks to record an outcome; the answer is whether it counted."""

    outcome: Outcome
    done: asyncio.Future[bool]


Order = Claim | Record


def work_of(orders: Iterable[Order]) -> Work:
    """All that was asked for, as one piece of work."""
    orders = list(orders)
    hints = [order.hints for order in orders if isinstance(order, Claim)]
    # Two packs may name the same job.
    unique = dict.fromkeys(chain.from_iterable(hints))
    return Work(outcomes=outcomes_of(orders), hints=tuple(unique))


def outcomes_of(orders: Iterable[Order]) -> tuple[Outcome, ...]:
    """What is to be recorded of all that was asked for."""
    return tuple(order.outcome for order in orders if isinstance(order, Record))


def answer(orders: Iterable[Order], written: Written) -> None:
    """Give everybody who asked what came of it. On the event loop."""
    claimed = dict(written.claimed)
    for order in orders:
        # Nobody waits any more for what was cancelled.
        if order.done.done():
            continue
        match order:
            case Record(outcome, recorded):
                recorded.set_result(outcome.job_id in written.taken)
            case Claim(hints, granted):
                ids = [hint.job_id for hint in hints if hint.job_id in claimed]
                granted.set_result([claimed.pop(job_id) for job_id in dict.fromkeys(ids)])


def refuse(orders: Iterable[Order], error: StoreError) -> None:
    """Tell everybody who asked that nothing will come of it. On the event loop."""
    for order in orders:
        if not order.done.done():
            order.done.set_exception(error)
