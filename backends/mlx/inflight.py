"""The rows that a child is working on, and who waits for each."""

import asyncio
import itertools
from collections.abc import Callable, Collection

import msgspec

from backends.base import OnProgress
from backends.errors import BackendError, CrashedError
from backends.mlx.frames import Finished, Report
from jobs.model import GenerationResult

Answering = asyncio.Future[GenerationResult]


class _Row(msgspec.Struct):
    answer: Answering
    on_progress: OnProgress
    tokens: int = 0


class InFlight:
    """Rows from being sent until the child is done with them.

    A row that nobody waits for any more stays until the child has let go of it: until then it may
    be the one that brings the child down.
    """

    def __init__(self, model: str, clock: Callable[[], float]) -> None:
        self._model = model
        self._clock = clock
        self._ids = itertools.count(1)
        self._rows: dict[int, _Row] = {}
        self._token_at = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last token of any row; None when there is no row."""
        return self._clock() - self._token_at if self._rows else None

    def add(self, on_progress: OnProgress) -> tuple[int, Answering]:
        """A new row's id, and the future of its answer."""
        row_id = next(self._ids)
        if not self._rows:
            self._token_at = self._clock()
        answer: Answering = asyncio.get_running_loop().create_future()
        self._rows[row_id] = _Row(answer, on_progress)
        return row_id, answer

    def drop(self, row_id: int) -> None:
        """Forget a row that was never sent."""
        del self._rows[row_id]

    def take(self, report: Report) -> None:
        """Pass on what happened in a step."""
        for row_id, tokens in report.progress:
            self._progress(row_id, tokens)
        for end in report.finished:
            self._finish(end)
        for row_id in report.cancelled:
            self._rows.pop(row_id, None)

    def fail(self, row_id: int, error: BackendError) -> None:
        """End one row with an error."""
        row = self._rows.pop(row_id, None)
        if row is not None and not row.answer.done():
            row.answer.set_exception(error)

    def fail_all(self, make_error: Callable[[], BackendError]) -> None:
        """End all rows, each with an error of its own."""
        for row_id in tuple(self._rows):
            self.fail(row_id, make_error())

    def crash(self, message: str, ids: Collection[int] | None = None) -> None:
        """End the rows, or those of `ids`, that were in flight when the engine failed."""
        lost = tuple(self._rows if ids is None else ids)
        for row_id in lost:
            self.fail(row_id, CrashedError(message, alone=len(lost) == 1))

    def _progress(self, row_id: int, tokens: int) -> None:
        row = self._rows.get(row_id)
        if row is None or tokens <= row.tokens:
            return
        row.tokens = tokens
        self._token_at = self._clock()
        if row.answer.done():
            return
        try:
            row.on_progress(tokens)
        except Exception as error:  # noqa: BLE001  (goes to who gave us this function)
            row.answer.set_exception(error)

    def _finish(self, end: Finished) -> None:
        self._token_at = self._clock()
        row = self._rows.pop(end.id, None)
        if row is not None and not row.answer.done():
            row.answer.set_result(
                GenerationResult(
                    text=end.text,
                    reasoning=end.reasoning,
                    finish_reason=end.finish_reason,
                    input_tokens=end.input_tokens,
                    output_tokens=end.output_tokens,
                    model=self._model,
                )
            )
