"""When a batch goes on, and whether it is done in time, in words."""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from nightmill.cli import words
from nightmill.status import Status


def schedule(status: Status, tz: tzinfo | None = None) -> Iterator[str]:
    """What was said of the order of a batch that is not over, in times of a zone; None is ours."""
    if status.is_over:
        return
    said = []
    if status.priority:
        said.append(f"priority {status.priority}")
    if status.max_running is not None:
        said.append(f"at most {words.count(status.max_running, 'row')} at once")
    if said:
        yield ", ".join(said)
    if status.deadline is not None:
        when = datetime.fromtimestamp(status.deadline, tz).astimezone(tz)
        yield f"deadline {when:%a %H:%M}{_outlook(status.late_by_s)}"


def _outlook(late_by_s: float | None) -> str:
    if late_by_s is None:
        return ""
    if late_by_s == 0:
        return ", in time at this pace"
    return f": about {_roughly(late_by_s)} late at this pace, and what is not done then expires"


def _roughly(seconds: float) -> str:
    if seconds >= words.HOUR:
        return words.duration(seconds)
    return f"{max(1, round(seconds / words.MINUTE))} min"
