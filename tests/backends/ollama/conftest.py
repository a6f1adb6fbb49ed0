from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from backends.ollama.backend import OllamaBackend
from backends.watch import Timeouts
from tests.backends.conftest import Run
from tests.doubles.ollama.daemon import Daemon, running
from tests.doubles.ollama.models import Model

MakeDaemon = Callable[..., Daemon]
MakeBackend = Callable[..., OllamaBackend]

LLAMA = Model(name="llama3.2:3b", context=8192, stops=("<|eot_id|>",))
THINKER = Model(name="qwen3:4b", family="qwen3", capabilities=("completion", "thinking"))
EMBEDDER = Model(name="embedder:latest", size=1, context=2048, capabilities=("embedding",))
STUB = Model(name="private:latest", remote_model="big:120b", remote_host="https://ollama.com")


@pytest.fixture
def make_daemon() -> Iterator[MakeDaemon]:
    """Makes running doubles of Ollama."""
    with ExitStack() as running_ones:
        yield lambda *args, **options: running_ones.enter_context(running(Daemon(*args, **options)))


@pytest.fixture
def daemon(make_daemon: MakeDaemon) -> Daemon:
    """A double with a model of each sort."""
    return make_daemon([LLAMA, THINKER, EMBEDDER, STUB])


@pytest.fixture
def make_backend(run: Run) -> Iterator[MakeBackend]:
    """Makes backends for a double, closed in the end."""
    made: list[OllamaBackend] = []

    def make(daemon: Daemon, **options: Any) -> OllamaBackend:
        timeouts = Timeouts(connect_s=5, first_s=20, between_s=20, total_s=60)
        backend = OllamaBackend(daemon.url, **{"timeouts": timeouts, **options})
        made.append(backend)
        return backend

    yield make
    for backend in made:
        run(backend.close())


@pytest.fixture
def opened(run: Run, make_backend: MakeBackend, daemon: Daemon) -> OllamaBackend:
    """An open backend for the daemon of the test."""
    backend = make_backend(daemon)
    run(backend.open())
    return backend
