"""The one Celery task: its thread carries a pack to the event loop and waits for it there.

It waits so that Flower shows how long packs really take. What it returns, and so what an event
carries, is a report of counts.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future

from celery import Celery
from kombu.exceptions import OperationalError

from jobs import wire
from jobs.model import Hint
from worker.tally import Tally

log = logging.getLogger(__name__)

#: Well under the visibility timeout. What still runs then goes on under its lease.
LONGEST_WAIT_S = 1800.0

RunPack = Callable[[Sequence[Hint], Tally], "Future[None]"]


def register(app: Celery, pool: str, run_pack: RunPack) -> None:
    """Make `app` run the packs of `pool` by `run_pack`."""

    def generate(*args: object, **_: object) -> dict[str, str | int]:
        try:
            hints = wire.decode_pack(args[0] if args else None)
        except ValueError as error:
            log.warning(
                "A message that is no pack was dropped: %s.", error, extra={"action": "bad_pack"}
            )
            return Tally(pool, 0).report()
        tally = Tally(pool, len(hints))
        carry(hints, tally, run_pack)
        if tally.left_over:
            _send_back(app, pool, tally.left_over)
        return tally.report()

    app.task(generate, name=wire.TASK, shared=False)


def carry(hints: Sequence[Hint], tally: Tally, run_pack: RunPack) -> None:
    """Run a pack and wait for its end, for the end of a drain, or for `LONGEST_WAIT_S`."""
    try:
        run_pack(hints, tally).result(LONGEST_WAIT_S)
    except TimeoutError:
        log.info("A pack takes long; its jobs go on.", extra={"action": "pack_takes_long"})
    except CancelledError:
        log.warning("A pack was left at the end of a drain.", extra={"action": "pack_left"})


def _send_back(app: Celery, pool: str, hints: Sequence[Hint]) -> None:
    """Put what this host did not begin into the queue again, for another one of the pool."""
    try:
        app.send_task(wire.TASK, [wire.encode_pack(hints)], queue=pool)
    except OperationalError as error:
        log.warning(
            "The broker does not answer (%s); the dispatcher finds what was not begun.",
            type(error).__name__,
            extra={"action": "send_back_failed"},
        )
