"""The machine that we run on."""

import platform

from jobs.settings import Settings


def machine_name(settings: Settings) -> str:
    """What this machine is called in results and lists."""
    return settings.worker.name or platform.node() or "localhost"
