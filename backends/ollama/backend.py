"""The backend for an Ollama, over its own API."""

import logging
from collections.abc import Mapping

import msgspec

from backends.base import Capabilities, Health, OnProgress
from backends.errors import (
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryNowError,
)
from backends.http import ModelServer, StatusError
from backends.ollama.asking import Asker
from backends.ollama.catalogue import RECHECK_S, Catalogue
from backends.ollama.decisions import TooLongError
from backends.ollama.names import full_name
from backends.ollama.privacy import shown
from backends.ollama.seats import Seats
from backends.ollama.shown import Known
from backends.ollama.window import tokens_wanted
from backends.ollama.wire import Loaded
from backends.watch import Timeouts
from backends.wording import told
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

_log = logging.getLogger(__name__)


class OllamaBackend:
    """Answers with the models that one Ollama runs on its own machine.

    Args:
        url: Where it is.
        slots: Prompts that it gets at once; as many as its OLLAMA_NUM_PARALLEL is best.
        timeouts: How long to wait for it.
        key: What a proxy in front of it wants as a bearer token.
        num_ctx: The window of every model; None makes it as large as the prompts ask for.
        recheck_s: How old may be what is known of its models.
    """

    def __init__(
        self,
        url: str,
        *,
        slots: int = 1,
        timeouts: Timeouts | None = None,
        key: str | None = None,
        num_ctx: int | None = None,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._slots = slots
        self._timeouts = Timeouts() if timeouts is None else timeouts
        self._server = ModelServer(
            url, slots=slots, ping="/api/version", timeouts=self._timeouts, key=key, says_502=True
        )
        self._catalogue = Catalogue(self._server, recheck_s)
        self._asker = Asker(self._server, self._catalogue.name_for_request)
        self._seats = Seats(self._load, self._loaded_window, num_ctx)
        self._breach: PrivacyBreachError | None = None
        self._is_open = False

    @property
    def remote_models(self) -> tuple[str, ...]:
        """What this Ollama lists and other machines run: never offered, never asked."""
        return self._catalogue.remote

    async def open(self) -> Capabilities:
        """Find the models; none while Ollama is away or promises nothing, it may be mended."""
        if self._breach is not None:
            raise self._quarantined()
        await self._server.open()
        self._is_open = True
        try:
            return await self.look()
        except ParkBackendError as error:
            _log.warning("%s", error, extra={"action": "server_away"})
            return self._capabilities({})

    async def look(self) -> Capabilities:
        """What there is now; raises `ParkBackendError` where it or its place is in doubt."""
        await self._server.open()
        await self._catalogue.look()
        return self._capabilities(await self._catalogue.loaded())

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """One answer; the model is in memory and proven to be here before the prompt is sent."""
        if self._breach is not None:
            raise self._quarantined()
        try:
            known = await self._catalogue.find(request.model)
            _require_endpoint(known, request)
            # Ollama holds an answer to a schema and tells the model nothing of it.
            in_words = msgspec.structs.replace(request, messages=told(request))
            return await self._in_a_window_that_fits(in_words, known, on_progress)
        except PrivacyBreachError as breach:
            self._breach = breach
            # Those that wait for their turn have passed all checks: now nothing can be sent.
            await self._server.close()
            raise
        except (ParkBackendError, CrashedError):
            # It may come back as another version, with other models, and with none in memory.
            self._catalogue.forget()
            self._seats.forget()
            raise
        except RefusedError as refused:
            if refused.code in {ErrorCode.UNKNOWN_MODEL, ErrorCode.PRIVACY}:
                self._catalogue.forget()
            raise

    async def rest(self) -> None:
        """Let Ollama drop the models that prompts were sent to, whoever loaded them first."""
        if not self._is_open or self._breach is not None:
            return
        await self._seats.give_up_loading()
        if used := self._seats.used:
            loaded = await self._catalogue.loaded()
            for name, window in used.items():
                if full_name(name) in loaded:
                    await self._asker.unload(await self._catalogue.find(name), window)
        self._seats.forget()

    async def health(self) -> Health:
        """Well if it answers and what is in flight is not overdue."""
        if not self._is_open:
            return Health(is_well=False, detail="closed")
        if self._breach is not None:
            return Health(is_well=False, detail="a prompt left the machine")
        silent_s = self._server.silent_s
        try:
            await self._server.get_json("/api/version")
        except (ParkBackendError, RetryNowError, StatusError) as error:
            return Health(is_well=False, detail=str(error), silent_s=silent_s)
        return Health(
            is_well=silent_s is None or silent_s < self._timeouts.first_s,
            detail=f"{self._server.in_flight} in flight",
            silent_s=silent_s,
        )

    async def close(self) -> None:
        """Break off what is in flight; models stay in Ollama's memory for as long as it likes."""
        self._is_open = False
        await self._server.close()
        await self._seats.close()

    def _capabilities(self, loaded: Mapping[str, Loaded]) -> Capabilities:
        models = self._catalogue.models
        return Capabilities(
            models=models,
            loaded=tuple(model.name for model in models if full_name(model.name) in loaded),
            slots=self._slots,
            may_leave_machine=False,
        )

    def _quarantined(self) -> ParkBackendError:
        return ParkBackendError(f"Nothing is sent any more. {self._breach}", float("inf"))

    async def _in_a_window_that_fits(
        self, request: GenerationRequest, known: Known, on_progress: OnProgress
    ) -> GenerationResult:
        """Answer; where Ollama counts more tokens than were thought, in a larger window."""
        wanted, context = tokens_wanted(request), known.info.context
        while True:
            async with self._seats.take(known.name, wanted, context) as window:
                try:
                    return await self._ask(request, known, window, on_progress)
                except TooLongError as error:
                    wanted = (error.tokens + request.max_tokens) if error.tokens else 2 * window
                    wanted = max(wanted, window + 1)
                    if not self._seats.can_grow(known.name, wanted, context):
                        raise

    async def _ask(
        self, request: GenerationRequest, known: Known, window: int, on_progress: OnProgress
    ) -> GenerationResult:
        if request.endpoint == "embeddings":
            return await self._asker.embed(request, known, window)
        return await self._asker.chat(request, known, window, on_progress)

    async def _load(self, name: str, window: int) -> None:
        await self._asker.load(await self._catalogue.find(name), window)

    async def _loaded_window(self, name: str) -> int:
        loaded = (await self._catalogue.loaded()).get(full_name(name))
        if loaded is None:
            return 0
        self._asker.keep_as_it_is(name, loaded.expires_at)
        return loaded.context_length


def _require_endpoint(known: Known, request: GenerationRequest) -> None:
    if request.endpoint not in known.info.endpoints:
        can = " and ".join(known.info.endpoints) or "neither chat nor embeddings"
        raise RefusedError(
            f"{shown(known.name)} does {can} in Ollama, not {request.endpoint}. Choose another "
            "model.",
            ErrorCode.UNSUPPORTED_ENDPOINT,
        )
