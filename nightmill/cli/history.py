"""The history of a batch, as people read it."""

import time
from collections.abc import Iterator

from jobs.store.actions import Action
from jobs.store.attempts import Tried
from nightmill.chronicle import Chronicle
from nightmill.cli import words


def lines(chronicle: Chronicle) -> Iterator[str]:
    """Who did what, the oldest first, and below it what each host tried."""
    yield "history:"
    done = [_cells(action) for action in chronicle.actions]
    yield from _indented(done) if done else ["  nobody did anything to it yet"]
    if chronicle.attempts:
        yield "attempts:"
        yield from _indented([_tried(tried) for tried in chronicle.attempts])


def _indented(rows: list[list[str]]) -> Iterator[str]:
    return (f"  {line}" for line in words.table(rows))


def _cells(action: Action) -> list[str]:
    return [_moment(action.at), action.who, action.verb, _detail(action)]


def _detail(action: Action) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(name, value)}" for name, value in action.detail.items()
    )


def _value(name: str, value: str | float | None) -> str:
    if value is None:
        return "none"
    if name == "deadline" and not isinstance(value, str):
        return _moment(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _tried(tried: Tried) -> list[str]:
    return [
        tried.host,
        tried.model,
        f"{words.count(tried.attempts, 'attempt')} {tried.outcome.replace('_', ' ')}",
        f"{_moment(tried.first_at)} to {_moment(tried.last_at)}",
    ]


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
