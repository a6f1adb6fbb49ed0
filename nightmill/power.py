"""Whether a Mac stays awake and comes back by itself, out of what its own tools say."""

import re
from collections.abc import Iterator

from nightmill.checkup import Finding

WHAT = "sleep"


def of_mac(pmset: str, filevault: str) -> Iterator[Finding]:
    """Findings out of what `pmset -g` and `fdesetup status` say."""
    settings = dict(re.findall(r"^ *(\w+) +(\d+)", pmset, re.MULTILINE))
    if not settings:
        yield Finding(WHAT, "warning", "`pmset -g` does not say when this Mac sleeps.")
        return
    if settings.get("sleep", "0") == "0":
        yield Finding(WHAT, "fine", "this Mac does not fall asleep by itself")
    else:
        yield Finding(
            WHAT,
            "warning",
            f"This Mac sleeps after {settings['sleep']} minutes unless a worker has something to"
            " do, and the tunnel with it: `sudo pmset -a sleep 0` keeps it awake.",
        )
    if settings.get("autorestart") == "0":
        yield Finding(
            WHAT,
            "warning",
            "After a power failure this Mac stays off: `sudo pmset -a autorestart 1` changes that.",
        )
    if "FileVault is On" in filevault:
        yield Finding(
            WHAT,
            "warning",
            "FileVault is on: after a restart nothing runs until somebody has unlocked the disk.",
        )
