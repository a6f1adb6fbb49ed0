"""Finding the processes that a test has started, and waiting for what they do."""

import os
from pathlib import Path

import psutil

#: A variable that all processes of a test inherit; its value is the test's own folder.
MARK = "NIGHTMILL_TEST_MARK"


def marked(mark: str, *words: str) -> list[psutil.Process]:
    """The living processes that carry the mark and have these words in their command line.

    Whoever their parent is by now; the test's own process is not among them.
    """
    found = [p for p in psutil.process_iter() if p.pid != os.getpid() and _is_marked(p, mark)]
    return [p for p in found if all(word in _command_line(p) for word in words)]


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A Redis server writes its title over its environment; it works in the data directory.
        return process.environ().get(MARK) == mark or Path(process.cwd()).is_relative_to(mark)
    except psutil.Error:
        return False


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
