"""Giving Ollama's memory back: what is dropped, and what is left alone."""

import asyncio

import pytest

from backends.errors import BackendError
from backends.ollama.backend import OllamaBackend
from tests.backends.asking import answer, ask, until
from tests.backends.conftest import Run
from tests.backends.ollama.conftest import EMBEDDER, LLAMA, THINKER, MakeBackend, MakeDaemon
from tests.doubles.ollama.daemon import Daemon
from tests.doubles.ollama.models import Model


@pytest.mark.parametrize("model", [LLAMA, EMBEDDER])
def test_at_rest_the_models_that_were_asked_leave_the_memory(
    run: Run, opened: OllamaBackend, daemon: Daemon, model: Model
) -> None:
    endpoint = "embeddings" if model is EMBEDDER else "chat"
    run(answer(opened, ask("hi", model.name, endpoint=endpoint)))
    assert list(daemon.scheduler.runners) == [model.name]

    run(opened.rest())
    assert daemon.scheduler.runners == {}

    run(answer(opened, ask("hi", model.name, endpoint=endpoint)))
    assert daemon.record.loads == [model.name] * 2


def test_at_rest_it_leaves_alone_what_nobody_asked_and_what_its_owner_keeps_for_ever(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    load = {"messages": [], "shift": False, "stream": False, "options": {"num_ctx": 2048}}
    for_ever = {"model": LLAMA.name, "keep_alive": -1}
    run(opened._server.ask_json("/api/chat", load | for_ever))
    run(opened._server.ask_json("/api/chat", load | {"model": THINKER.name}))
    run(answer(opened, ask("hi", LLAMA.name)))

    run(opened.rest())

    assert sorted(daemon.scheduler.runners) == [LLAMA.name, THINKER.name]


def test_at_rest_nothing_is_asked_for_that_has_left_the_memory_by_itself(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    run(answer(opened, ask("hi", LLAMA.name)))
    daemon.scheduler.runners.clear()

    run(opened.rest())

    assert daemon.record.loads == [LLAMA.name]


def test_a_load_that_nobody_waits_for_is_broken_off_at_rest(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], load_s=600.0)
    backend = make_backend(daemon)

    async def rest_while_it_loads() -> None:
        await backend.open()
        task = asyncio.create_task(answer(backend, ask("hi", LLAMA.name)))
        await until(lambda: backend._seats._models and backend._seats._models[LLAMA.name].loading)
        task.cancel()
        await asyncio.wait([task])
        await backend.rest()
        await until(lambda: daemon.record.aborted_loads)

    run(rest_while_it_loads())


def test_an_ollama_that_is_away_cannot_be_told_to_rest(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    run(answer(opened, ask("hi", LLAMA.name)))
    daemon.die()

    with pytest.raises(BackendError):
        run(opened.rest())

    daemon.come_back()
    run(opened.rest())
    assert daemon.scheduler.runners == {}
