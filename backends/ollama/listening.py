"""Taking in the lines of a streamed answer, each as it comes."""

import time

import msgspec

from backends.base import OnProgress
from backends.errors import RetryNowError
from backends.http import Reply, StatusError
from backends.ollama.answer import Answer
from backends.ollama.privacy import require_local_answer
from backends.ollama.wire import ChatLine

#: An error in mid-stream has no status of its own.
_MID_STREAM = 500
#: Seconds. The time-out is set anew in such steps: to do so for each token would take longer than
#: everything else that is done with one.
_STEP_S = 0.1

_read_line = msgspec.json.Decoder(ChatLine).decode


class Listening:
    """Listens to the answer of one model to one request."""

    def __init__(
        self, model: str, place: str, reply: Reply, answer: Answer, on_progress: OnProgress
    ) -> None:
        self._model = model
        self._place = place
        self._reply = reply
        self._answer = answer
        self._on_progress = on_progress
        #: The model's name in the answer, once it has been found to be the one that was asked.
        self._echoed = ""
        self._noted_at = 0.0

    def take(self, raw: bytes) -> None:
        """Take a line; raises `StatusError` for one that says what went wrong."""
        if not raw:
            return
        line = _parsed(raw)
        if line.error is not None:
            raise StatusError(self._place, _MID_STREAM, "", raw)
        if line.is_remote or line.model != self._echoed:
            require_local_answer(line, line.model, self._model)
            self._echoed = line.model
        if self._answer.add(line):
            self._note_token()

    def _note_token(self) -> None:
        now = time.monotonic()
        if now - self._noted_at >= _STEP_S:
            self._noted_at = now
            self._reply.saw_token()
        self._on_progress(self._answer.pieces)


def _parsed(raw: bytes) -> ChatLine:
    try:
        return _read_line(raw)
    except (ValueError, RecursionError) as error:
        raise RetryNowError("Ollama sent a line that is no part of an answer.") from error
