"""A log of our own for a service whose manager opens one once and never turns it over."""

import os
import sys
import threading
from pathlib import Path

from nightmill.cli.terminal import STDERR, STDOUT, open_private
from nightmill.embedded.child import rotate

LOOK_EVERY_S = 60.0


def keep_log(path: Path, look_every_s: float = LOOK_EVERY_S) -> threading.Event:
    """Write all that is printed to a file, which is put aside when it has grown large.

    The event that is returned ends the looking.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _turn(path)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(look_every_s):
            _turn(path)

    threading.Thread(target=look, name="log", daemon=True).start()
    return ended


def _turn(path: Path) -> None:
    rotate(path)
    fd = open_private(path)
    sys.stdout.flush()
    for printed in (STDOUT, STDERR):
        os.dup2(fd, printed)
    os.close(fd)
