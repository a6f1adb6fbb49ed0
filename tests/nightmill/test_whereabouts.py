"""The last line of a run says where prompts were, and is no mere phrase."""

from typing import Any

import pytest

from jobs.settings import Settings
from nightmill.report import Share
from nightmill.whereabouts import elsewhere

HERE = Share(host="mlx@studio", model="demo", rows=3)
THERE = Share(host="mlx@mini", model="demo", rows=2)


def settings(**given: Any) -> Settings:
    return Settings.model_validate(given)


def test_what_ran_here_on_a_store_of_this_machine_was_nowhere_else() -> None:
    assert elsewhere(settings(), [HERE], "studio") == ()


@pytest.mark.parametrize(
    ("given", "shares", "places"),
    [
        ({"store": {"url": "postgresql://me@10.0.0.5/mill"}}, [HERE], ("the store on 10.0.0.5",)),
        ({}, [HERE, THERE, THERE], ("mini",)),
        (
            {"pools": {"ollama": {"url": "http://192.168.1.9:11434"}}},
            [Share(host="ollama@studio", model="qwen3", rows=1)],
            ("pool ollama at 192.168.1.9",),
        ),
        ({"pools": {"ollama": {}}}, [Share(host="ollama@studio", model="qwen3", rows=1)], ()),
    ],
)
def test_other_machines_are_named(
    given: dict[str, Any], shares: list[Share], places: tuple[str, ...]
) -> None:
    assert elsewhere(settings(**given), shares, "studio") == places
