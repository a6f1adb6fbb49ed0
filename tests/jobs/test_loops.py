import logging
import threading

import pytest

from jobs.errors import BrokerError, StoreError
from jobs.loops import retry_delay, run_steps


class Script:
    """A step that does what its script says, one entry a call, then stops the loop."""

    def __init__(self, *entries: float | Exception) -> None:
        self.entries = list(entries)
        self.stop = threading.Event()
        self.waits: list[float] = []
        self.errors: list[Exception] = []
        self.stop.wait = self._wait  # type: ignore[method-assign]

    def step(self) -> float:
        entry = self.entries.pop(0)
        if not self.entries:
            self.stop.set()
        if isinstance(entry, Exception):
            raise entry
        return entry

    def run(self) -> None:
        run_steps(self.step, self.stop, self.errors.append, name="The loop")

    def _wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        return self.stop.is_set()


def test_the_pause_is_what_the_step_returned() -> None:
    script = Script(0.5, 0.25, 0.125)

    script.run()

    assert script.waits == [0.5, 0.25, 0.125]


def test_a_step_that_has_more_to_do_is_called_at_once() -> None:
    script = Script(0.0, 0.0, 1.0)

    script.run()

    assert script.waits == [1.0]


def test_a_loop_that_is_stopped_ends_its_pause() -> None:
    stop = threading.Event()
    began = threading.Event()

    def step() -> float:
        began.set()
        return 3600

    thread = threading.Thread(target=run_steps, args=(step, stop, pytest.fail), kwargs={"name": ""})
    thread.start()
    assert began.wait(10)
    stop.set()
    thread.join(10)

    assert not thread.is_alive()


def test_a_loop_that_was_stopped_before_does_nothing() -> None:
    script = Script(1.0)
    script.stop.set()

    script.run()

    assert script.entries == [1.0]


def test_trouble_is_tried_again_ever_more_slowly() -> None:
    script = Script(*[StoreError("locked")] * 9)

    script.run()

    assert script.waits == sorted(script.waits)
    assert script.waits[0] == retry_delay(1)
    assert script.waits[-1] == 5.0
    assert script.errors == []


def test_after_trouble_the_delays_begin_anew() -> None:
    script = Script(StoreError("locked"), StoreError("locked"), 1.0, StoreError("locked"))

    script.run()

    assert script.waits == [retry_delay(1), retry_delay(2), 1.0, retry_delay(1)]


def test_trouble_that_lasts_is_logged_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "jobs.loops")

    Script(*[BrokerError("gone")] * 5, 1.0, 1.0).run()

    assert caplog.messages == ["The loop goes on trying: gone", "The loop works again."]


def test_trouble_of_another_kind_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    Script(BrokerError("gone"), StoreError("full"), StoreError("full")).run()

    assert caplog.messages == ["The loop goes on trying: gone", "The loop goes on trying: full"]


def test_a_fault_ends_the_loop_and_reaches_its_owner(caplog: pytest.LogCaptureFixture) -> None:
    fault = ZeroDivisionError()
    script = Script(1.0, fault, 1.0)

    script.run()

    assert script.errors == [fault]
    assert script.entries == [1.0]
    assert caplog.messages == ["The loop ended."]
