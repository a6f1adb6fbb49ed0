"""The engine's own loop: commands in, steps, and at most one report a step."""

import contextlib
import logging
import queue
import time
from collections.abc import Callable

from backends.mlx.engine import Ended, Engine, Row
from backends.mlx.frames import Cancel, Crashed, Finished, Report, ToFront

_log = logging.getLogger(__name__)

#: Seconds between two reports of progress; what has ended is reported at once.
_REPORT_S = 0.25
#: Seconds between two signs of life when there is nothing to do.
_IDLE_S = 1.0
#: Seconds that an idle engine waits for another row before it starts: rows that start together
#: read their prompts together, and the first of many would otherwise run alone.
_GATHER_S = 0.01
#: Steps that may raise, with no row coming to its end between them, before the process is taken
#: to be beyond repair. A step that merely does not raise proves nothing: it may read prompts only.
_MAX_CRASHES = 2


class EngineLoop:
    """Runs an engine until the process ends."""

    def __init__(
        self,
        engine: Engine,
        work: "queue.SimpleQueue[Row | Cancel]",
        send: Callable[[ToFront], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._work = work
        self._send = send
        self._clock = clock
        self._reported_at = clock()
        self._vain_crashes = 0

    def run(self) -> None:
        """Work until the process is of no more use: a new one has to take its place."""
        while self._vain_crashes < _MAX_CRASHES:
            self.turn()

    def turn(self) -> None:
        """Take what has come, then do one step; waits while there is nothing to do."""
        cancelled = self._take_work()
        ended = [] if self._engine.is_idle else self._step()
        self._report(ended, cancelled)

    def _take_work(self) -> tuple[int, ...]:
        """Pass on all that waits in the queue; says which rows were cancelled."""
        cancelled = []
        items = self._waiting_items()
        for item in items:
            if isinstance(item, Cancel):
                cancelled.append(item.id)
            else:
                self._engine.add(item)
        if cancelled:
            self._engine.cancel(frozenset(cancelled))
        return tuple(cancelled)

    def _waiting_items(self) -> list[Row | Cancel]:
        """All that has come; an idle engine waits for something, and for what comes with it."""
        items: list[Row | Cancel] = []
        is_idle = self._engine.is_idle
        with contextlib.suppress(queue.Empty):
            if is_idle:
                items.append(self._work.get(timeout=_IDLE_S))
            while len(items) < self._engine.slots:
                items.append(self._work.get(timeout=_GATHER_S if is_idle else 0))
        return items

    def _step(self) -> list[Ended]:
        try:
            ended = self._engine.step()
        except Exception as error:  # noqa: BLE001  (recorded; every row is told)
            self._vain_crashes += 1
            _log.exception("A step of the engine failed.", extra={"action": "step_failed"})
            lost = self._engine.drop_batch()
            self._send(Crashed(lost, f"{type(error).__name__}: {str(error)[:300]}"))
            return []
        if ended:
            self._vain_crashes = 0
        return ended

    def _report(self, ended: list[Ended], cancelled: tuple[int, ...]) -> None:
        now = self._clock()
        is_due = now - self._reported_at >= _REPORT_S
        if not (ended or cancelled or is_due):
            return
        self._send(
            Report(
                self._engine.progress if is_due else (),
                tuple(_finished(end) for end in ended),
                cancelled,
            )
        )
        if is_due:
            self._reported_at = now


def _finished(end: Ended) -> Finished:
    return Finished(
        end.row.id,
        end.answer.text,
        end.answer.reasoning,
        end.finish_reason,
        len(end.row.prompt),
        end.output_tokens,
    )
