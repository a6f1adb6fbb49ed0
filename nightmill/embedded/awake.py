"""Keeping this machine from falling asleep while it has something to do."""

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from nightmill.embedded.child import Child

log = logging.getLogger(__name__)

#: How long the tool gets to end when it is asked to.
END_S = 1.0


def awake_command(platform: str, pid: int) -> list[str]:
    """What keeps a machine awake until it ends, or process `pid` does; empty where nothing does.

    It is given the lifeline as its standard input.
    """
    if platform == "darwin":
        return ["caffeinate", "-i", "-w", str(pid)]
    if platform.startswith("linux"):
        # `cat` says nothing and ends with the lifeline, and with it the inhibition.
        return [
            *("systemd-inhibit", "--what=idle:sleep", "--mode=block"),
            *("--who=Nightmill", "--why=Jobs are running", "cat"),
        ]
    return []


class Awake:
    """Holds this machine awake whenever it is told that there is work.

    Where that cannot be had, a line of the log says so and nothing else happens.
    """

    def __init__(self, log_path: Path, lifeline_fd: int) -> None:
        self._log_path = log_path
        self._lifeline_fd = lifeline_fd
        self._child: Child | None = None
        self._command: Sequence[str] = awake_command(sys.platform, os.getpid())
        if self._command and shutil.which(self._command[0]) is None:
            self._give_up(f"there is no {self._command[0]} on the PATH")

    def hold(self, has_work: bool) -> None:
        """Begin or end to hold the machine awake."""
        if not has_work:
            self.end()
        elif self._child is None and self._command:
            self._begin()
        elif self._child is not None and self._child.exit_status is not None:
            words = self._child.last_words()
            self.end()
            self._give_up(f"{self._command[0]} ended: {words}")

    def end(self) -> None:
        """Let the machine sleep; nothing is left of what kept it awake."""
        if self._child is not None:
            self._child.ask_to_end()
            self._child.ends_within(END_S)
            self._child.kill()
            self._child = None

    def _begin(self) -> None:
        self._child = Child.start(
            self._command, self._log_path, self._lifeline_fd, stdin=self._lifeline_fd
        )
        log.info("This machine is held awake.", extra={"action": "awake"})

    def _give_up(self, why: str) -> None:
        self._command = ()
        # No warning: where no log was set up, Python prints those.
        log.info(
            "This machine is not held awake and may fall asleep: %s",
            why,
            extra={"action": "asleep"},
        )
