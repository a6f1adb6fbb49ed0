"""A backend that plays a script: for tests of whatever stands above backends, ours and yours."""

import asyncio
import hashlib

import msgspec

from backends.base import Capabilities, Health, ModelInfo, OnProgress
from backends.errors import BackendError, ParkBackendError, RefusedError
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult

FAKE_MODEL = ModelInfo(name="fake", size=0, context=4096, endpoints=("chat", "embeddings"))

#: Numbers of a vector.
_DIMENSIONS = 4


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What a fake backend does. Prompts are known by the text of their last message.

    A conversation that goes on after a scripted answer has the prompt of that answer.
    """

    #: The answer to a prompt; a prompt that is not here is answered with itself. Several answers
    #: come one after the other, the last one for good.
    answers: dict[str, str | tuple[str, ...]] = {}
    #: What goes wrong with a prompt: attempt by attempt, until the list is used up.
    faults: dict[str, tuple[BackendError, ...]] = {}
    #: Seconds that every answer takes.
    delay_s: float = 0.0
    #: Seconds for single prompts; infinite for one that never ends by itself.
    delays: dict[str, float] = {}
    models: tuple[ModelInfo, ...] = (FAKE_MODEL,)
    #: Whether it says of itself that jobs may leave this machine.
    may_leave_machine: bool = False


class FakeBackend:
    """Plays a script. A word counts as a token, the end of an answer as none."""

    def __init__(self, script: Script | None = None, slots: int = 4) -> None:
        self.script = Script() if script is None else script
        #: Every request in the order of its arrival, attempts that failed included.
        self.seen: list[GenerationRequest] = []
        #: Requests that are being answered now, and the most there ever were.
        self.in_flight = 0
        self.most_in_flight = 0
        #: How often it was told to give its memory back.
        self.rests = 0
        self.is_open = False
        self._closed = asyncio.Event()
        self._slots = slots
        self._answers = {
            prompt: [answers] if isinstance(answers, str) else list(answers)
            for prompt, answers in self.script.answers.items()
        }
        self._faults = {prompt: list(faults) for prompt, faults in self.script.faults.items()}

    async def open(self) -> Capabilities:
        """The models of the script, all of them loaded."""
        self.is_open = True
        self._closed.clear()
        return Capabilities(
            models=self.script.models,
            loaded=tuple(model.name for model in self.script.models),
            slots=self._slots,
            may_leave_machine=self.script.may_leave_machine,
        )

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """The scripted answer after its delay, or the next scripted fault."""
        self._check(request)
        self.seen.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._play(request, on_progress)
        finally:
            self.in_flight -= 1

    async def rest(self) -> None:
        """Note that somebody wanted the memory."""
        self.rests += 1

    async def health(self) -> Health:
        """Well while it is open."""
        silent_s = 0.0 if self.in_flight else None
        return Health(
            is_well=self.is_open, detail="open" if self.is_open else "closed", silent_s=silent_s
        )

    async def close(self) -> None:
        """Break off what is in flight and refuse what comes from now on."""
        self.is_open = False
        self._closed.set()

    def _check(self, request: GenerationRequest) -> None:
        if not self.is_open:
            raise ParkBackendError("The backend is closed: open it first.")
        if request.model not in {model.name for model in self.script.models}:
            raise RefusedError(f"There is no model {request.model}.", ErrorCode.UNKNOWN_MODEL)

    async def _play(self, request: GenerationRequest, on_progress: OnProgress) -> GenerationResult:
        prompt = request.messages[-1].content
        await self._pause(self.script.delays.get(prompt, self.script.delay_s))
        if self._faults.get(prompt):
            raise self._faults[prompt].pop(0)
        if request.endpoint == "embeddings":
            return _vector(request)
        result = _answer(request, self._next_answer(request))
        on_progress(result.output_tokens)
        return result

    def _next_answer(self, request: GenerationRequest) -> str:
        prompts = [turn.content for turn in request.messages if turn.role == "user"]
        scripted = [prompt for prompt in prompts if prompt in self._answers]
        if not scripted:
            return request.messages[-1].content
        answers = self._answers[scripted[-1]]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return
        raise ParkBackendError("The backend was closed with the job in flight.")


def _answer(request: GenerationRequest, text: str) -> GenerationResult:
    for stop in request.stop:
        text = text.partition(stop)[0]
    words = text.split()
    is_cut = len(words) > request.max_tokens
    return GenerationResult(
        text=" ".join(words[: request.max_tokens]) if is_cut else text,
        finish_reason="length" if is_cut else "stop",
        input_tokens=sum(len(message.content.split()) for message in request.messages),
        output_tokens=min(len(words), request.max_tokens),
        model=request.model,
    )


def _vector(request: GenerationRequest) -> GenerationResult:
    """Numbers from -1 to 1 that are always the same for the same text."""
    text = request.messages[-1].content
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=_DIMENSIONS).digest()
    return GenerationResult(
        text=msgspec.json.encode([byte / 127.5 - 1 for byte in digest]).decode(),
        form="vector",
        finish_reason="stop",
        input_tokens=len(text.split()),
        output_tokens=0,
        model=request.model,
    )
