import asyncio
import importlib.util
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from backends.base import Backend, Capabilities
from backends.fake import FakeBackend, Script
from backends.mlx.front import MlxBackend
from backends.null import NullBackend
from backends.ollama.backend import OllamaBackend
from backends.openai_compatible.backend import OpenAiBackend
from backends.watch import Timeouts
from jobs.model import GenerationRequest
from tests.backends.asking import ask
from tests.backends.tiny_model import make_tiny_model
from tests.doubles.mlx_server import mlx_server
from tests.doubles.ollama.answering import ENDLESS
from tests.doubles.ollama.daemon import LLAMA, Daemon, running

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MakeMlx = Callable[..., MlxBackend]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of backend, as the conformance suite needs to know it."""

    backend: Backend
    model: str
    #: A request that takes until the end of the test; None where there is no such thing.
    endless: GenerationRequest | None = None
    #: Words of a prompt that it may well refuse.
    many_words: int = 5000


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs coroutines, all on one event loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`babbler` never ends by itself, `org/other` soon does."""
    if importlib.util.find_spec("mlx_lm") is None:
        reason = "mlx-lm is not installed"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "babbler")
    make_tiny_model(folder / "org" / "other", kind="llama", end_tokens=range(2, 300, 12))
    return folder


@pytest.fixture
def make_mlx(models_dir: Path, tmp_path: Path) -> MakeMlx:
    """Makes backends over the tiny models, with a log and a lock of their own."""

    def make(**options: Any) -> MlxBackend:
        known = {"models_dir": models_dir, "slots": 8, "log_path": tmp_path / "log"}
        return MlxBackend(**{**known, "lock_path": tmp_path / "lock", **options})

    return make


@pytest.fixture(scope="session")
def mlx(models_dir: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """An open mlx backend that many tests share, because starting one takes seconds.

    They leave it open and idle.
    """
    folder = tmp_path_factory.mktemp("mlx")
    backend = MlxBackend(
        models_dir=models_dir,
        slots=8,
        log_path=folder / "log",
        lock_path=folder / "lock",
        silence_s=2.0,
    )
    run(backend.open())
    yield backend
    run(backend.close())


@pytest.fixture(scope="session")
def ollama() -> Iterator[Daemon]:
    """A double of Ollama that many tests share."""
    with running(Daemon([LLAMA], parallel=4, tokens_per_s=1000)) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def mlx_server_url(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `mlx_lm.server` with `babbler`."""
    with mlx_server(models_dir / "babbler", tmp_path_factory.mktemp("server") / "hub") as url:
        yield url


@pytest.fixture(scope="session", params=["fake", "null", "mlx", "ollama", "openai"])
def kind(request: pytest.FixtureRequest, run: Run) -> Iterator[Kind]:
    """Each kind of backend in turn: what a new one has to add to be held to the same."""
    match request.param:
        case "fake":
            fake = FakeBackend(Script(delays={"endless": float("inf")}))
            kind = Kind(backend=fake, model="fake", endless=ask("endless", "fake"))
        case "null":
            kind = Kind(backend=NullBackend(), model="null")
        case "ollama":
            endless = ask(ENDLESS, LLAMA.name, max_tokens=4000)
            backend = OllamaBackend(request.getfixturevalue("ollama").url, slots=4)
            kind = Kind(backend=backend, model=LLAMA.name, endless=endless)
        case "openai":
            url: str = request.getfixturevalue("mlx_server_url")
            model = str(request.getfixturevalue("models_dir").resolve() / "babbler")
            kind = Kind(
                backend=OpenAiBackend(url, slots=4, timeouts=Timeouts()),
                model=model,
                endless=ask("on and on", model, max_tokens=4000),
                # The server reads whatever it gets to its end, also for those who are gone.
                many_words=300,
            )
        case _:
            endless = ask("on and on", "babbler", max_tokens=4000)
            kind = Kind(backend=request.getfixturevalue("mlx"), model="babbler", endless=endless)
    run(kind.backend.open())
    yield kind
    # The backend of mlx is shared by others, who may come later; but no process stays behind.
    run(kind.backend.rest() if request.param == "mlx" else kind.backend.close())


@pytest.fixture
def capabilities(run: Run, kind: Kind) -> Capabilities:
    """What the backend says of itself; opening one that is open does no harm."""
    capabilities: Capabilities = run(kind.backend.open())
    return capabilities


@pytest.fixture
def new_processes() -> Callable[[], list[psutil.Process]]:
    """Finds the processes that this one has started since the test began."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [
        child for child in psutil.Process().children(recursive=True) if child not in before
    ]
