"""The last line of a run says where prompts were, and is no mere phrase."""

from typing import Any

import pytest

from jobs.settings import Settings
from nightmill.report import Failure, Report
from nightmill.whereabouts import elsewhere


def settings(**given: Any) -> Settings:
    return Settings.model_validate(given)


def seen_by(*hosts: str, breach: bool = False) -> Report:
    leak = Failure(code="privacy", rows=1, first_line=1, message="It went elsewhere.")
    return Report(failures=(leak,) if breach else (), shares=(), seen_by=hosts)


def test_what_ran_here_on_a_store_of_this_machine_was_nowhere_else() -> None:
    assert elsewhere(settings(), seen_by("mlx@studio"), "studio") == ()


@pytest.mark.parametrize(
    ("given", "hosts", "places"),
    [
        ({"store": {"url": "postgresql://me@10.0.0.5/mill"}}, (), ("the store on 10.0.0.5",)),
        ({}, ("mlx@studio", "mlx@mini", "ollama@mini"), ("mini",)),
        (
            {"pools": {"ollama": {"url": "http://192.168.1.9:11434"}}},
            ("ollama@studio",),
            ("pool ollama at 192.168.1.9",),
        ),
        ({"pools": {"ollama": {}}}, ("ollama@studio",), ()),
    ],
)
def test_other_machines_are_named(
    given: dict[str, Any], hosts: tuple[str, ...], places: tuple[str, ...]
) -> None:
    assert elsewhere(settings(**given), seen_by(*hosts), "studio") == places


def test_a_prompt_that_a_server_sent_on_is_not_nothing() -> None:
    (place,) = elsewhere(settings(), seen_by("ollama@studio", breach=True), "studio")
    assert "sent prompts on" in place
