"""The machine that we run on."""

import platform


def machine_name() -> str:
    """What this machine is called in results and lists."""
    return platform.node() or "localhost"
