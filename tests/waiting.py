"""Waiting for what other processes and threads do."""

import threading
import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any], what: str, within_s: float = 60) -> Any:
    """The first true value of `condition`; fails with `what` after `within_s` seconds."""
    end = time.monotonic() + within_s
    pause = 0.005
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {within_s} s in vain for {what}"
        # How often the condition is looked at; nothing rests on the length of this pause.
        threading.Event().wait(pause)
        pause = min(pause * 1.5, 0.05)
    return value
