"""Sending one request to an Ollama, and reading what comes back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from backends.base import OnProgress
from backends.errors import CrashedError, RetryNowError
from backends.http import ModelServer, StatusError
from backends.ollama.answer import Answer, vector_result
from backends.ollama.failure import Failure
from backends.ollama.failures import decide
from backends.ollama.listening import Listening
from backends.ollama.privacy import require_local_answer
from backends.ollama.requests import KEEP_ALIVE, chat_request, embed_request, load_request
from backends.ollama.shown import Known
from backends.ollama.wire import Embedded
from jobs.model import GenerationRequest, GenerationResult

#: Reading a model from a slow disk takes its time, and nobody's job is charged for it.
LOAD_S = 1800.0
#: Bytes of the line around a token; some are long because they repeat the model's name.
_BYTES_A_TOKEN = 4_000
_BYTES_AROUND = 1_000_000
#: What its owner keeps in memory for ever is said to expire in some far century.
_THIS_CENTURY = "20"


class Asker:
    """Asks models by the names that `name_for_request` gives them."""

    def __init__(self, server: ModelServer, name_for_request: Callable[[Known], str]) -> None:
        self._server = server
        self._name = name_for_request
        self._kept_for_ever: set[str] = set()

    def keep_as_it_is(self, name: str, expires_at: str) -> None:
        """Note how long a model stays in memory: each request would change it for everybody."""
        if expires_at and not expires_at.startswith(_THIS_CENTURY):
            self._kept_for_ever.add(name)

    async def load(self, known: Known, window: int) -> None:
        """Get a model into memory; no prompt is sent."""
        path, body = load_request(known, self._name(known), window, self._keep_alive(known))
        with self._decided(known):
            await self._server.ask_json(path, body, within_s=LOAD_S)

    async def chat(
        self, request: GenerationRequest, known: Known, window: int, on_progress: OnProgress
    ) -> GenerationResult:
        """The answer to a conversation."""
        body = chat_request(request, known, self._name(known), window, self._keep_alive(known))
        most_bytes = _BYTES_AROUND + _BYTES_A_TOKEN * request.max_tokens
        answer = Answer(request, window)
        with self._decided(known):
            async with self._server.stream("/api/chat", body, most_bytes=most_bytes) as reply:
                listening = Listening(known.name, self._server.url, reply, answer, on_progress)
                async for line in reply.lines():
                    listening.take(line)
        return answer.result()

    async def embed(
        self, request: GenerationRequest, known: Known, window: int
    ) -> GenerationResult:
        """The vector of a text."""
        body = embed_request(request, self._name(known), window, self._keep_alive(known))
        with self._decided(known):
            value = await self._server.post_json("/api/embed", body)
        try:
            answer = msgspec.convert(value, Embedded)
        except msgspec.ValidationError as error:
            raise RetryNowError("Ollama sent something else than a vector.") from error
        require_local_answer(answer, answer.model, known.name)
        return vector_result(request, answer, window)

    @contextmanager
    def _decided(self, known: Known) -> Iterator[None]:
        try:
            yield
        except StatusError as error:
            decided = decide(
                Failure(
                    status=error.status,
                    body=error.body,
                    model=known.name,
                    # This one has left the server already.
                    alone=self._server.holds_nothing,
                    retry_after=error.retry_after,
                    now=time.time(),
                )
            )
            if isinstance(decided, CrashedError):
                self._server.died()
            raise decided from error

    def _keep_alive(self, known: Known) -> int | str:
        return -1 if known.name in self._kept_for_ever else KEEP_ALIVE
