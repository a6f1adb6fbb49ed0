"""The thread that turns requests into rows, so that no prompt's tokenising halts the others."""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from backends.errors import RefusedError
from backends.mlx.engine import Row
from backends.mlx.frames import Cancel, Generate, Load, Refused, ToChild, ToFront
from backends.mlx.loading import LoadedModel
from backends.mlx.prompts import render
from backends.mlx.sampling import Sampling
from backends.mlx.text import AnswerReader


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What stands between the words of the front and the engine's loop."""

    loaded: LoadedModel
    context: int
    inbox: "queue.SimpleQueue[ToChild]"
    work: "queue.SimpleQueue[Row | Cancel]"
    send: Callable[[ToFront], None]

    def run(self) -> NoReturn:
        """Take messages in their order, for ever."""
        while True:
            self.take(self.inbox.get())

    def take(self, message: ToChild) -> None:
        """Hand one message on to the engine, or refuse it."""
        match message:
            case Cancel():
                self.work.put(message)
            case Generate():
                self._prepare(message)
            case Load():
                raise ValueError(f"expected one model for a child, was asked for {message.name}")

    def _prepare(self, message: Generate) -> None:
        try:
            self.work.put(self._row(message))
        except RefusedError as error:
            self.send(Refused(message.id, error.code, str(error)))
        except Exception as error:  # noqa: BLE001  (whatever a tokenizer raises is about this text)
            reason = f"The tokenizer cannot read this prompt ({type(error).__name__})."
            self.send(Refused(message.id, RefusedError.code, reason))

    def _row(self, message: Generate) -> Row:
        request, loaded = message.request, self.loaded
        prompt = render(loaded.tokenizer, request, context=self.context, markers=loaded.markers)
        reader = AnswerReader(
            decode=loaded.tokenizer.decode,
            stop=request.stop,
            markers=loaded.markers,
            starts_thinking=prompt.starts_thinking,
        )
        return Row(
            id=message.id,
            prompt=prompt.ids,
            max_tokens=request.max_tokens,
            sampling=Sampling(request.temperature, request.top_p, request.seed),
            reader=reader,
            watch=reader.watch(),
        )
