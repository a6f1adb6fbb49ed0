"""Finding the model servers of this machine, and running a batch with one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from nightmill import discovery
from nightmill.discovery import OLLAMA_PORT, OPENAI_PORTS, find_servers, newcomers
from nightmill.pools import find_models
from tests.doubles.openai_server import (
    MODEL,
    Behaviour,
    OpenAiDouble,
    hang,
    hang_up,
    status,
)

LLAMA = {"id": MODEL, "object": "model", "created": 1, "owned_by": "llamacpp", "meta": {}}
#: Servers that compute where they are.
ENGINES = [
    LLAMA,
    {"id": MODEL, "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 99},
    {"id": MODEL, "object": "model", "owned_by": "organization_owner"},
    {"id": MODEL, "object": "model", "created": 1},
]
#: An Ollama, which has a pool of its own kind, and what may lead anywhere.
OTHERS: list[list[Any]] = [
    [],
    [{"id": MODEL, "object": "model", "created": 1, "owned_by": "library"}],
    [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "openai"}],
    [LLAMA, {"id": "claude", "object": "model", "created": 1, "owned_by": "anthropic"}],
    [{"id": MODEL}],
    ["llama"],
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def double() -> Iterator[OpenAiDouble]:
    with OpenAiDouble() as double:
        yield double


def closed_port() -> int:
    """A port that nobody listens to."""
    with OpenAiDouble() as gone:
        return gone.port


@pytest.mark.parametrize("model", ENGINES)
def test_a_server_that_computes_here_is_found(
    settings: Settings, double: OpenAiDouble, model: dict[str, Any]
) -> None:
    double.models = [model]
    ports = (closed_port(), double.port)
    assert find_servers(settings, closed_port(), ports) == {"openai": double.url}


@pytest.mark.parametrize("models", OTHERS)
def test_what_may_be_a_gateway_has_to_be_configured(
    settings: Settings, double: OpenAiDouble, models: list[Any]
) -> None:
    double.models = models
    assert find_servers(settings, closed_port(), (double.port,)) == {}


@pytest.mark.parametrize(
    "behaviour",
    [
        status(200, b"<html>", "text/html"),
        status(200, b"5"),
        status(404),
        status(401),
        status(302, location="http://192.0.2.1/"),
        hang_up,
        hang,
    ],
)
def test_what_answers_otherwise_is_not_found(
    settings: Settings,
    double: OpenAiDouble,
    behaviour: Behaviour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovery, "_ANSWER_S", 0.3)
    double.paths = {"/v1/models": behaviour, "/api/version": behaviour}
    assert find_servers(settings, double.port, (double.port,)) == {}


def test_a_later_look_adds_only_pools_that_there_are_not_yet() -> None:
    found = {"ollama": "http://127.0.0.1:11434", "openai": "http://127.0.0.1:1234"}

    assert newcomers(found, ["mlx"]) == found
    assert newcomers(found, ["mlx", "openai"]) == {"ollama": "http://127.0.0.1:11434"}
    assert newcomers({}, ["mlx"]) == {}


def test_an_ollama_is_found_by_its_version(settings: Settings, double: OpenAiDouble) -> None:
    double.paths["/api/version"] = status(200, b'{"version":"0.33.0"}')
    assert find_servers(settings, double.port, ()) == {"ollama": double.url}


def test_the_first_of_the_ports_is_taken(settings: Settings, double: OpenAiDouble) -> None:
    with OpenAiDouble() as second:
        double.models = second.models = [LLAMA]
        ports = (second.port, double.port)
        assert find_servers(settings, closed_port(), ports) == {"openai": second.url}


def test_nobody_is_asked_where_pools_are_configured_or_discovery_is_off(
    tmp_path: Path, double: OpenAiDouble
) -> None:
    double.models = [LLAMA]
    pools = {"fake": PoolSettings(backend="fake")}
    for settings in (
        Settings(data_dir=tmp_path, pools=pools),
        Settings(data_dir=tmp_path, discover=False),
    ):
        assert find_servers(settings, double.port, (double.port,)) == {}
    assert double.asked == []


def test_the_far_end_of_our_own_tunnel_is_never_asked() -> None:
    assert 11435 not in (OLLAMA_PORT, *OPENAI_PORTS)


def test_a_loop_that_runs_already_is_no_hindrance(settings: Settings, double: OpenAiDouble) -> None:
    double.models = [LLAMA]

    async def find() -> dict[str, str]:
        return find_servers(settings, closed_port(), (double.port,))

    assert asyncio.run(find()) == {"openai": double.url}


def test_the_models_of_a_server_that_was_found_say_where(
    settings: Settings, double: OpenAiDouble
) -> None:
    [_, found] = find_models(settings.with_found({"openai": double.url}))
    assert (found.place, found.is_found, found.notes) == (double.url, True, ())
    assert [model.name for model in found.models] == [MODEL]
    double.die()
    [_, found] = find_models(settings.with_found({"openai": double.url}))
    assert (found.models, "cannot be reached" in found.notes[0]) == ((), True)
