"""The backend of pools that ask a server with OpenAI's `/v1`."""

import logging
import time

import msgspec

from backends.base import Capabilities, Health, ModelInfo, OnProgress
from backends.errors import BackendError, ParkBackendError, RefusedError, RetryNowError
from backends.http import LostError, ModelServer, Reply, StatusError
from backends.openai_compatible import wire
from backends.openai_compatible.answer import Answer, vector_result
from backends.openai_compatible.models import list_models
from backends.openai_compatible.refusals import read_error, refusal, said_of
from backends.watch import Timeouts
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

log = logging.getLogger(__name__)

_read_chunk = msgspec.json.Decoder(wire.Chunk).decode


def server_of(url: str, *, slots: int, timeouts: Timeouts, key: str | None) -> ModelServer:
    """The client of the server at a URL; people know it with the `/v1` that others want, too."""
    return ModelServer(
        url.rstrip("/").removesuffix("/v1"),
        slots=slots,
        ping=wire.MODELS,
        timeouts=timeouts,
        key=key,
    )


class OpenAiBackend:
    """Asks a server for chats and embeddings, always as a stream where there is one.

    Only models that the server lists are named to it: some would fetch any other from the
    internet. It is no fault if the server is not there when the backend is opened; it may come.
    """

    def __init__(self, url: str, *, slots: int, timeouts: Timeouts, key: str | None = None) -> None:
        self._server = server_of(url, slots=slots, timeouts=timeouts, key=key)
        self._slots = slots
        self._timeouts = timeouts
        self._models: dict[str, ModelInfo] = {}

    async def open(self) -> Capabilities:
        """The models that the server lists, none while it is not there."""
        await self._server.open()
        try:
            await self.list_models()
        except ParkBackendError as error:
            log.warning("%s", error, extra={"action": "server_away"})
        return Capabilities(
            models=tuple(self._models.values()),
            # Nothing in this protocol tells.
            loaded=(),
            slots=self._slots,
            may_leave_machine=False,
        )

    async def list_models(self) -> tuple[ModelInfo, ...]:
        """What the server lists now; raises `ParkBackendError` where it does not."""
        models = await list_models(self._server)
        self._models = {model.name: model for model in models}
        return models

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """The server's answer; without counts from it, chunks with text count as tokens."""
        await self._require_model(request.model)
        try:
            if request.endpoint == "embeddings":
                return await self._embed(request)
            return await self._chat(request, on_progress)
        except StatusError as error:
            raise await self._refusal(request, error) from error

    async def rest(self) -> None:
        """Nothing that it could do: no call of this protocol makes a server drop its model."""
        log.info(
            "The server at %s keeps its model in memory: nobody can ask it not to.",
            self._server.url,
            extra={"action": "no_rest"},
        )

    async def health(self) -> Health:
        """Well if it lists its models and what is in flight is not overdue."""
        silent_s = self._server.silent_s
        try:
            await self.list_models()
        except ParkBackendError as error:
            return Health(is_well=False, detail=str(error), silent_s=silent_s)
        detail = f"{self._server.in_flight} in flight"
        is_well = silent_s is None or silent_s < self._timeouts.first_s
        return Health(is_well=is_well, detail=detail, silent_s=silent_s)

    async def close(self) -> None:
        """Break off what is in flight."""
        await self._server.close()

    async def _chat(self, request: GenerationRequest, on_progress: OnProgress) -> GenerationResult:
        answer = Answer(request)
        body, most_bytes = wire.chat_body(request), wire.most_bytes(request)
        async with self._server.stream(wire.CHAT, body, most_bytes=most_bytes) as reply:
            await self._read(reply, answer, on_progress)
        return answer.result()

    async def _read(self, reply: Reply, answer: Answer, on_progress: OnProgress) -> None:
        """Read to the mark at the end of the stream; what ends before it is no answer."""
        has_events = False
        async for event in reply.events():
            if event.data == wire.DONE:
                return
            has_events = True
            chunk = _chunk(event.data)
            if chunk.error is not None or event.name == "error":
                raise self._failed(chunk, event.data)
            if answer.take(chunk):
                reply.saw_token()
                on_progress(answer.tokens)
        if has_events:
            raise LostError(has_begun=True)
        raise RetryNowError(
            f"The server at {self._server.url} answered something else than events."
        )

    async def _embed(self, request: GenerationRequest) -> GenerationResult:
        body = wire.embeddings_body(request)
        return vector_result(request, await self._server.post_json(wire.EMBEDDINGS, body))

    async def _require_model(self, name: str) -> None:
        if name not in self._models:
            await self.list_models()
        if name not in self._models:
            raise RefusedError(
                f"The server at {self._server.url} does not list this model now.",
                ErrorCode.UNKNOWN_MODEL,
            )

    async def _refusal(self, request: GenerationRequest, error: StatusError) -> BackendError:
        if error.status in {404, 405}:
            return await self._not_found(request, error)
        said = read_error(error.body)
        return refusal(self._server.url, error.status, said, error.retry_after, time.time())

    async def _not_found(self, request: GenerationRequest, error: StatusError) -> BackendError:
        """The model is gone, or the server has no such endpoint, or calls other things 404 too."""
        if request.endpoint == "embeddings":
            return RefusedError(f"{error} It makes no embeddings.", ErrorCode.UNSUPPORTED_ENDPOINT)
        self._models = {}
        await self._require_model(request.model)
        # mlx_lm.server says this of whatever goes wrong with a prompt.
        return RetryNowError(f"{error} It has the model, but could not use it.")

    def _failed(self, chunk: wire.Chunk, data: bytes) -> BackendError:
        """What an error within a stream means."""
        said = read_error(data) if chunk.error is None else said_of(chunk.error)
        return refusal(self._server.url, said.status or 500, said, "", time.time())


def _chunk(data: bytes) -> wire.Chunk:
    try:
        return _read_chunk(data)
    except (ValueError, RecursionError) as error:
        raise RetryNowError("The server sent an event that is no part of an answer.") from error
