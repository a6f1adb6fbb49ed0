"""Many answers at once: the only place that knows mlx-lm's `BatchGenerator`.

Its interface has changed in every minor release, which is why mlx-lm is pinned and why nothing
of it leaves this file. Everything here runs in one thread, the one that loaded the model.
"""

import importlib
from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Any, Literal

import mlx.core as mx
import msgspec
from mlx_lm.generate import BatchGenerator
from mlx_lm.models.cache import make_prompt_cache

from backends.mlx.sampling import Samplers, Sampling
from backends.mlx.text import Answer, AnswerReader, StopWatch

#: Rows whose prompts are read together, and tokens of each in one go. Their product bounds how
#: long the rows that already answer stand still.
_PREFILL_ROWS = 8
_PREFILL_STEP = 512
#: Freed buffers that are kept for use again; without a limit they grow to most of the memory.
_CACHE_LIMIT = 2 << 30


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One answer in the making. The lists and the watch grow with it."""

    id: int
    prompt: list[int]
    max_tokens: int
    sampling: Sampling
    reader: AnswerReader
    watch: StopWatch | None
    #: What was generated so far, without an end token.
    tokens: list[int] = msgspec.field(default_factory=list)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A row that came to its own end."""

    row: Row
    answer: Answer
    finish_reason: Literal["stop", "length"]
    #: All tokens that were generated, an end token included.
    output_tokens: int


class Engine:
    """Generates rows in one growing and shrinking batch.

    Raises `ValueError` for a model whose caches cannot be batched.
    """

    def __init__(self, model: Any, end_tokens: Collection[int], slots: int) -> None:
        self._model = model
        self._end_tokens = sorted(end_tokens)
        self.slots = slots
        self._samplers = Samplers()
        self._waiting: deque[Row] = deque()
        self._rows: dict[int, Row] = {}
        _check_batchable(model)
        _leave_memory_unwired()
        mx.set_cache_limit(_CACHE_LIMIT)
        self._generator = self._new_generator()

    @property
    def is_idle(self) -> bool:
        """Whether a step would do nothing."""
        return not self._rows and not self._waiting

    @property
    def progress(self) -> tuple[tuple[int, int], ...]:
        """Each row in the batch with its tokens so far."""
        return tuple((row.id, len(row.tokens)) for row in self._rows.values())

    def add(self, row: Row) -> None:
        """Let a row wait for its place in the batch."""
        self._waiting.append(row)

    def cancel(self, ids: Collection[int]) -> None:
        """Forget rows, wherever they are; ids that are not known are passed over."""
        self._waiting = deque(row for row in self._waiting if row.id not in ids)
        uids = [uid for uid, row in self._rows.items() if row.id in ids]
        self._generator.remove(uids)
        for uid in uids:
            del self._rows[uid]

    def step(self) -> list[Ended]:
        """Generate one token for each row in the batch; says which rows that ended.

        Whatever it raises leaves the batch unusable: `drop_batch` before the next step.
        """
        self._admit()
        _, responses = self._generator.next()
        ended: dict[int, Ended] = {}
        stopped_by_text = []
        for response in responses:
            row = self._rows[response.uid]
            if response.finish_reason != "stop":
                row.tokens.append(response.token)
            if response.finish_reason is not None:
                ended[response.uid] = _end(row, response.finish_reason)
            elif row.watch is not None and row.watch.sees_stop(row.tokens):
                ended[response.uid] = _end(row, None)
                stopped_by_text.append(response.uid)
        self._generator.remove(stopped_by_text)
        # Last: had anything above raised, these rows would be told that they are lost.
        for uid in ended:
            del self._rows[uid]
        return list(ended.values())

    def drop_batch(self) -> tuple[int, ...]:
        """Give up on the rows in the batch and start a new one; says which rows were lost."""
        lost = tuple(row.id for row in self._rows.values())
        self._rows.clear()
        self._generator = self._new_generator()
        mx.clear_cache()
        return lost

    def _admit(self) -> None:
        """Let rows into the batch: in their order, as many as there are places.

        The one place where rows enter, and so the place to decide who goes together.
        """
        rows = list(islice(self._waiting, self.slots - len(self._rows)))
        if not rows:
            return
        uids = self._generator.insert(
            [row.prompt for row in rows],
            [row.max_tokens for row in rows],
            samplers=[self._samplers.of(row.sampling) for row in rows],
        )
        # Only now: rows that insert objected to must not be lost without a word.
        for uid in uids:
            self._rows[uid] = self._waiting.popleft()

    def _new_generator(self) -> Any:
        return BatchGenerator(
            self._model,
            stop_tokens=[[token] for token in self._end_tokens],
            completion_batch_size=self.slots,
            # Never more than there are slots: the generator would raise the slots to it.
            prefill_batch_size=min(_PREFILL_ROWS, self.slots),
            prefill_step_size=_PREFILL_STEP,
        )


def _end(row: Row, finish_reason: str | None) -> Ended:
    answer = row.reader.read(row.tokens)
    return Ended(
        row=row,
        answer=answer,
        finish_reason="length" if finish_reason == "length" and not answer.is_stopped else "stop",
        output_tokens=len(row.tokens) + (finish_reason == "stop"),
    )


def _check_batchable(model: Any) -> None:
    if not all(hasattr(cache, "merge") for cache in make_prompt_cache(model)):
        raise ValueError("mlx-lm cannot answer in batches with this kind of model")


def _leave_memory_unwired() -> None:
    """Keep the generator from wiring all memory down.

    Buffers that come and go inside the wired set have panicked macOS kernels within minutes;
    without wiring no panic is known, at some cost for models close to the size of memory.
    """
    module = importlib.import_module(BatchGenerator.__module__)
    module.maybe_set_recommended_wired_limit = lambda: None  # type: ignore[attr-defined]
