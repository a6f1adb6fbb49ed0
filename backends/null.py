"""A backend that answers at once, to measure everything around it."""

from backends.base import Capabilities, Health, ModelInfo, OnProgress
from backends.errors import ParkBackendError
from jobs.model import GenerationRequest, GenerationResult

NULL_MODEL = ModelInfo(name="null", size=0, context=0)


class NullBackend:
    """Answers every request with one token, whatever its model, without waiting for anything."""

    def __init__(self, slots: int = 32) -> None:
        self._slots = slots
        self._is_open = False

    async def open(self) -> Capabilities:
        """Nothing to find: there is one model, which is no model."""
        self._is_open = True
        return Capabilities(
            models=(NULL_MODEL,),
            loaded=(NULL_MODEL.name,),
            slots=self._slots,
            may_leave_machine=False,
        )

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        """One token, counted as one, for a prompt counted as one."""
        if not self._is_open:
            raise ParkBackendError("The backend is closed: open it first.")
        on_progress(1)
        return GenerationResult(
            text="null", finish_reason="stop", input_tokens=1, output_tokens=1, model=request.model
        )

    async def rest(self) -> None:
        """No model, no memory."""

    async def health(self) -> Health:
        """Well while it is open."""
        return Health(is_well=self._is_open, detail="open" if self._is_open else "closed")

    async def close(self) -> None:
        """Nothing to stop."""
        self._is_open = False
