"""The seam between Nightmill and whatever generates text."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from jobs.model import Endpoint, GenerationRequest, GenerationResult

#: Called with the number of tokens generated so far, often enough to show that tokens flow.
OnProgress = Callable[[int], None]


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a backend can serve on this machine."""

    name: str
    #: Bytes of its weights; 0 where the backend cannot tell.
    size: int
    #: Tokens of prompt and answer together; 0 where the backend cannot tell.
    context: int
    #: Whether what asks for more than that is refused, rather than answered as far as it goes.
    is_strict: bool = False
    #: Such as `4-bit` or `float16`; empty where the backend cannot tell.
    quantization: str = ""
    #: The tiny model that Nightmill ships, to try things out.
    is_demo: bool = False
    #: What can be asked of it.
    endpoints: tuple[Endpoint, ...] = ("chat",)
    #: Where its files are; empty for a server's model.
    path: str = ""

    @property
    def room(self) -> int:
        """Tokens of prompt and answer beyond which a request is surely refused; 0 for none."""
        return self.context if self.is_strict else 0


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend found when it was opened."""

    models: tuple[ModelInfo, ...]
    #: Names of the models that are in memory now.
    loaded: tuple[str, ...]
    #: Jobs that it does at once.
    slots: int
    #: Whether anything it does could leave this machine.
    may_leave_machine: bool


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether tokens flow; a port that answers is not enough."""

    is_well: bool
    detail: str
    #: Seconds since the last token of a generation in flight; None when nothing is.
    silent_s: float | None = None


class Backend(Protocol):
    """One way of generating text. All calls are made on one event loop.

    `generate` may be called for as many requests at once as there are slots. It returns only for
    a generation that came to its own end (`stop` or `length`); everything else is a
    `BackendError`. When it is cancelled, the generation stops and its slot is free again.
    """

    async def open(self) -> Capabilities:
        """Find the models and get ready; raises `ParkBackendError` when it cannot be used."""
        ...

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """Generate the answer to one request; raises `BackendError`."""
        ...

    async def rest(self) -> None:
        """Give back the memory that models take; the next `generate` loads them again.

        Called when nothing is in flight. Raises `BackendError` where a server would not.
        """
        ...

    async def health(self) -> Health:
        """Say whether tokens flow."""
        ...

    async def close(self) -> None:
        """Stop everything it started; nothing of it runs afterwards. May be called twice."""
        ...
