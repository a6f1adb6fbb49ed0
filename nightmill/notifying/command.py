"""Starting a program of the owner's that is given the message."""

import os
import signal
import subprocess
from collections.abc import Sequence

from nightmill.notifying.message import Message, NotSentError

#: Seconds after which it is ended.
TIMEOUT_S = 60.0


class Command:
    """A program and its arguments; the message is on its standard input."""

    def __init__(self, words: Sequence[str], timeout_s: float = TIMEOUT_S) -> None:
        self._words = list(words)
        self._timeout_s = timeout_s

    def send(self, message: Message) -> None:
        """Let it run to its end. Raises `NotSentError` where it fails or takes too long."""
        name = self._words[0]
        try:
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise NotSentError(f"{name} does not start: {error.strerror}") from None
        try:
            process.communicate(message.as_json(), timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            # What it has started goes with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise NotSentError(f"{name} took longer than {self._timeout_s:g} s") from None
        if process.returncode:
            raise NotSentError(f"{name} ended with {process.returncode}")
