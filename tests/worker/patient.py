"""A backend that keeps its answers back until the test has done what must come before them."""

import threading

from backends.fake import FakeBackend


class PatientBackend(FakeBackend):
    """Gives no answer until it may."""

    def __init__(self, slots: int = 4) -> None:
        super().__init__(slots=slots)
        self._may_answer = threading.Event()

    def answer(self) -> None:
        """Give what was kept back, and from now on every answer at once."""
        self._may_answer.set()

    async def _pause(self, seconds: float) -> None:
        while not self._may_answer.is_set():
            await super()._pause(0.005)
