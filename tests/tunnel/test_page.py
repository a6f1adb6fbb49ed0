"""docs/tunnel.md explains what a tunnel says of itself: every state and every cause."""

import re
from pathlib import Path

from jobs.tunnels import Cause, TunnelState

PAGE = (Path(__file__).parents[2] / "docs" / "tunnel.md").read_text("utf-8")


def explained(title: str) -> set[str]:
    """The words in the first column of the table of a section."""
    section = PAGE.partition(f"## {title}")[2].partition("\n## ")[0]
    return {
        word
        for line in section.splitlines()
        if line.startswith("| `")
        for word in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


def test_every_state_is_explained() -> None:
    assert explained("How it is") == {state.value for state in TunnelState}


def test_every_cause_is_explained() -> None:
    assert explained("Why it is down, and what it does about it") == {
        cause.value for cause in Cause
    }
