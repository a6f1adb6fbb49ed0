from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.doubles.ollama.daemon import Daemon, running

MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def make_daemon() -> Iterator[MakeDaemon]:
    """Makes running daemons."""
    with ExitStack() as running_ones:
        yield lambda *args, **options: running_ones.enter_context(running(Daemon(*args, **options)))


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """A client with nothing of Nightmill in it."""
    with httpx2.Client(trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def post(client: httpx2.Client) -> Callable[..., httpx2.Response]:
    """Sends fields to a daemon, as one answer rather than a stream."""

    def post(daemon: Daemon, path: str, **fields: Any) -> httpx2.Response:
        return client.post(daemon.url + path, json={"stream": False, **fields})

    return post
