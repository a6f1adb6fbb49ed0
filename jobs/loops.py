"""The one runner of loops whose step does its work and returns the delay to the next."""

import logging
import threading
from collections.abc import Callable

from jobs.errors import StoppedEarlyError

logger = logging.getLogger(__name__)

#: Does its work and returns the seconds to wait before it is called again.
Step = Callable[[], float]

#: The longest pause, in seconds, between two tries while the store or the broker is away.
MAX_RETRY_S = 5.0
_FIRST_RETRY_S = 0.1


def run_steps(
    step: Step, stop: threading.Event, on_error: Callable[[Exception], None], *, name: str
) -> None:
    """Call `step` again and again until `stop` is set; a pause ends as soon as it is.

    A `StoppedEarlyError` is tried again, ever more slowly, and is logged when it begins or
    changes and when it is over. Any other exception ends the loop: it is logged and given to
    `on_error`, by which the owner of the thread learns of it. `name` begins the log's sentences.
    """
    trouble = _Trouble(name)
    while not stop.is_set():
        try:
            delay = step()
        except StoppedEarlyError as error:
            delay = trouble.meet(error)
        except Exception as error:
            logger.exception("%s ended.", name, extra={"action": "loop_ended"})
            on_error(error)
            return
        else:
            trouble.end()
        if delay > 0:
            stop.wait(delay)


def retry_delay(failures: int) -> float:
    """Seconds to wait after this many failures in a row, the first being 1."""
    return min(MAX_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(failures - 1, 10))


class _Trouble:
    """What keeps a loop from working, told once: a minute of it is two lines of log."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0
        self._told = ""

    def meet(self, error: StoppedEarlyError) -> float:
        self._failures += 1
        if str(error) != self._told:
            self._told = str(error)
            logger.warning(
                "%s goes on trying: %s", self._name, error, extra={"action": "loop_retries"}
            )
        return retry_delay(self._failures)

    def end(self) -> None:
        if self._failures:
            self._failures, self._told = 0, ""
            logger.info("%s works again.", self._name, extra={"action": "loop_recovered"})
