"""What an engine has in its hands, as it writes it down itself: for whoever kills it.

A file for each process, named by its id. What is written outlives the process without a sync: only
the machine's own death could take it away.
"""

import os
from pathlib import Path


class Holdings:
    """The book of this process."""

    def __init__(self, folder: Path) -> None:
        path = folder / str(os.getpid())
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def took(self, prompt: str) -> None:
        """A prompt is in the engine from here on."""
        os.write(self._fd, f"+{prompt}\n".encode())

    def let_go(self, prompt: str) -> None:
        """The engine is done with it; to be said before anybody can know."""
        os.write(self._fd, f"-{prompt}\n".encode())


def held_by(folder: Path, pid: int) -> list[str]:
    """The prompts that a process had in its hands when it died."""
    path = folder / str(pid)
    held: list[str] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        if line[0] == "+":
            held.append(line[1:])
        else:
            held.remove(line[1:])
    return held
