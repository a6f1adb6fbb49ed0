"""Putting a streamed answer together, and judging whether it is one."""

import msgspec

from backends.errors import BackendError, RetryNowError
from backends.ollama.decisions import TooLongError, repeated
from backends.ollama.window import is_cut
from backends.ollama.wire import ChatLine, Embedded
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

#: So many equal tokens in a row are what Ollama ends an answer for without saying so.
_REPEATS = 30
#: Engines count the end token or leave it out.
_MISCOUNT = 2


class Answer:
    """The lines of one answer, as they come."""

    def __init__(self, request: GenerationRequest, window: int) -> None:
        self._request = request
        self._window = window
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._last: ChatLine | None = None
        #: Pieces so far, each of at least one token.
        self.pieces = 0

    def add(self, line: ChatLine) -> bool:
        """Take the next line; says whether there was something in it."""
        said = line.message
        if said.content:
            self._text.append(said.content)
        if said.thinking:
            self._thoughts.append(said.thinking)
        if line.done:
            self._last = line
        has_token = bool(said.content or said.thinking)
        self.pieces += has_token
        return has_token

    def result(self) -> GenerationResult:
        """The answer, if it came to its own end; raises `BackendError` if it did not."""
        last = self._last
        if last is None:
            raise self._without_end()
        request = self._request
        if is_cut(request, counted=last.prompt_eval_count, window=self._window):
            raise TooLongError(last.prompt_eval_count)
        output_tokens = last.eval_count or self.pieces
        match last.done_reason:
            case "stop":
                return self._made("stop", last, output_tokens)
            case "length" if output_tokens >= request.max_tokens - _MISCOUNT:
                return self._made("length", last, output_tokens)
            case "length":
                # The window was full before the answer had its tokens.
                raise TooLongError(last.prompt_eval_count)
            case _:
                raise RetryNowError(
                    "Ollama ended an answer without a reason for it.", ErrorCode.INCOMPLETE
                )

    def _made(self, reason: str, last: ChatLine, output_tokens: int) -> GenerationResult:
        return GenerationResult(
            text="".join(self._text),
            reasoning="".join(self._thoughts) or None,
            finish_reason="stop" if reason == "stop" else "length",
            input_tokens=last.prompt_eval_count,
            output_tokens=output_tokens,
            model=self._request.model,
        )

    def _without_end(self) -> BackendError:
        tail = (self._text or self._thoughts)[-_REPEATS:]
        if len(tail) == _REPEATS and len(set(tail)) == 1:
            return repeated(self._request.model)
        return RetryNowError("Ollama broke an answer off without a word.", ErrorCode.INCOMPLETE)


def vector_result(request: GenerationRequest, answer: Embedded, window: int) -> GenerationResult:
    """The vector of a text, if all of the text is in it; raises `BackendError` if not."""
    if answer.embeddings is None or len(answer.embeddings) != 1 or not answer.embeddings[0]:
        raise RetryNowError("Ollama sent no vector, or several.", ErrorCode.INCOMPLETE)
    if is_cut(request, counted=answer.prompt_eval_count, window=window):
        raise TooLongError(answer.prompt_eval_count)
    return GenerationResult(
        text=msgspec.json.encode(answer.embeddings[0]).decode(),
        form="vector",
        finish_reason="stop",
        input_tokens=answer.prompt_eval_count,
        output_tokens=0,
        model=request.model,
    )
