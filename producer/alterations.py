"""What the same command, given again with other words, changes of its batch."""

from collections.abc import Mapping
from typing import Any

from jobs.model import Batch

#: New values by what they are of; a deadline is in seconds since the epoch.
Alterations = Mapping[str, Any]

#: Deadlines are given in minutes: what lies closer together is the same one, said again.
_SAME_DEADLINE_S = 60.0
_FIELDS = ("name", "priority", "max_running", "max_failures")


def alterations(before: Batch, after: Batch) -> Alterations:
    """What is otherwise in a batch than it was before."""
    changed = {
        name: getattr(after, name)
        for name in _FIELDS
        if getattr(after, name) != getattr(before, name)
    }
    if not _is_same(before.deadline, after.deadline):
        changed["deadline"] = None if after.deadline is None else round(after.deadline)
    if after.notify and not before.notify:
        changed["notify"] = "yes"
    return changed


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < _SAME_DEADLINE_S
