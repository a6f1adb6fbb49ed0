"""The machine that we run on, and who uses it."""

import getpass
import platform

from jobs.settings import Settings


def machine_name(settings: Settings) -> str:
    """What this machine is called in results and lists."""
    return settings.worker.name or platform.node() or "localhost"


def who(settings: Settings) -> str:
    """Who gives a command, for the history of a batch: `anna@studio`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        user = "somebody"
    return f"{user}@{machine_name(settings)}"
