"""An answer put together from its chunks, and the decision whether it is one."""

import msgspec

from backends.errors import RefusedError, RetryNowError
from backends.openai_compatible.wire import Choice, Chunk, Usage, Vectors
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

#: Servers count the end token or leave it out.
_MISCOUNT = 2
#: Characters of a model's name that are kept.
_NAME = 200


class Answer:
    """Takes in chunks; `result` says what came of them once the stream is over."""

    def __init__(self, request: GenerationRequest) -> None:
        self._request = request
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._model = ""
        #: Chunks with text in them: the tokens so far, as far as can be told.
        self.tokens = 0

    def take(self, chunk: Chunk) -> bool:
        """Add a chunk; says whether there was a token in it."""
        self._usage = chunk.usage or self._usage
        self._model = chunk.model or self._model
        return self._take(chunk.choices[0]) if chunk.choices else False

    def result(self) -> GenerationResult:
        """The answer; raises `BackendError` for what is none. To be called after `[DONE]`."""
        match self._finish_reason:
            case "stop" | "length" as finish_reason:
                if finish_reason == "length" and self._is_cut_by_context:
                    raise RefusedError(
                        f"The context was full after {self._output_tokens} tokens of the answer. "
                        f"{ErrorCode.PROMPT_TOO_LONG.way_out}",
                        ErrorCode.PROMPT_TOO_LONG,
                    )
                return GenerationResult(
                    text="".join(self._text),
                    reasoning="".join(self._reasoning) or None,
                    finish_reason=finish_reason,
                    input_tokens=self._usage.prompt_tokens if self._usage else 0,
                    output_tokens=self._output_tokens,
                    model=shown_model(self._model, self._request.model),
                )
            case "content_filter":
                raise RefusedError("The server's filter held the answer back (content_filter).")
            case "tool_calls" | "function_call":
                raise RefusedError("The model called a tool instead of answering, and got none.")
            case _:
                raise RetryNowError(
                    "The answer broke off: it has no finish reason.", ErrorCode.INCOMPLETE
                )

    @property
    def _output_tokens(self) -> int:
        return self._usage.completion_tokens if self._usage else self.tokens

    @property
    def _is_cut_by_context(self) -> bool:
        """Whether it ended before the tokens it may have were used up."""
        used = self._usage.completion_tokens if self._usage else 0
        return 0 < used < self._request.max_tokens - _MISCOUNT

    def _take(self, choice: Choice) -> bool:
        self._finish_reason = choice.finish_reason or self._finish_reason
        text = choice.delta.content
        reasoning = choice.delta.reasoning_content or choice.delta.reasoning
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        self.tokens += 1 if text or reasoning else 0
        return bool(text or reasoning)


def vector_result(request: GenerationRequest, body: object) -> GenerationResult:
    """The embedding in the answer to a request for one; raises `RetryNowError` for any other."""
    try:
        answer = msgspec.convert(body, Vectors)
    except msgspec.ValidationError as error:
        raise RetryNowError("The server answered something that is no embedding.") from error
    if len(answer.data) != 1 or not answer.data[0].embedding:
        raise RetryNowError("The server answered with no embedding, or with several.")
    return GenerationResult(
        text=msgspec.json.encode(answer.data[0].embedding).decode(),
        form="vector",
        finish_reason="stop",
        input_tokens=answer.usage.prompt_tokens if answer.usage else 0,
        output_tokens=0,
        model=shown_model(answer.model or "", request.model),
    )


def shown_model(said: str, asked: str) -> str:
    """The model that answered, by the server's word where that is a name."""
    return said if said and len(said) <= _NAME and said.isprintable() else asked
