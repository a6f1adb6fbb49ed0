"""What is changed of a batch, as people read it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nightmill.cli import words
from nightmill.cli.rests import clock


def in_words(changes: Mapping[str, str | float | None]) -> Iterator[str]:
    """`priority 5`, `no deadline`: each new value with what it is of."""
    return (_WORDS[name](value) for name, value in changes.items())


def _limit(rows: int | None) -> str:
    return f"at most {words.count(rows, 'row')} at once" if rows else "no limit"


def _deadline(moment: float | None) -> str:
    return "no deadline" if moment is None else f"deadline {clock(moment)}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "name": lambda name: f"its name is {name} now",
    "priority": lambda priority: f"priority {priority}",
    "max_running": _limit,
    "max_failures": lambda share: f"paused when more than {share:.0%} of its last rows fail",
    "deadline": _deadline,
    "notify": lambda _yes: "its owner is told of its end",
}
