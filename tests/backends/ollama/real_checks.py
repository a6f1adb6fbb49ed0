"""The backend against a real Ollama, and the double against it; run by `test_real.py`.

Alone: NIGHTMILL_TEST_OLLAMA=/path/to/ollama pytest -n0 tests/backends/ollama/real_checks.py
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backends.errors import BackendError, CrashedError, ParkBackendError
from backends.ollama.assurance import LOCAL_NAMES_SINCE, assurance_of
from backends.ollama.backend import OllamaBackend
from backends.ollama.failure import Failure
from backends.ollama.failures import decide
from backends.ollama.versions import is_since
from backends.watch import Timeouts
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest
from tests.backends.asking import answer, answers, ask, begun
from tests.backends.conftest import Run
from tests.backends.ollama.conftest import MakeBackend, MakeDaemon
from tests.backends.ollama.real import (
    BABBLER,
    DEMO,
    PROGRAM,
    STUB,
    THINKER,
    VECTORS,
    RealOllama,
    real_ollama,
)
from tests.doubles.ollama.cloud import CLOUD, Cloud
from tests.doubles.ollama.models import Model
from tests.leaks.outside import Outside, look_names_up_outside, outside
from tests.waiting import eventually

TICKET = "My parcel is late."
HI = [{"role": "user", "content": "hi"}]
LONG = [{"role": "user", "content": "a " * 600}]
#: A machine without a graphics card, busy with other tests, may read a long prompt for a while.
TIMEOUTS = Timeouts(first_s=60)
YES_OR_NO = {"type": "string", "enum": ["yes", "no"]}


@pytest.fixture(scope="session")
def way_out() -> Iterator[Outside | None]:
    """What leaves, where this runs in namespaces of its own."""
    if "NIGHTMILL_TEST_IN_NAMESPACES" not in os.environ:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, outside() as way_out:
        look_names_up_outside(Path(folder))
        yield way_out


@pytest.fixture(scope="session")
def ollama(
    way_out: Outside | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealOllama]:
    """A real daemon that all checks share."""
    assert PROGRAM is not None, "name an ollama in NIGHTMILL_TEST_OLLAMA"
    with real_ollama(PROGRAM, tmp_path_factory.mktemp("ollama")) as ollama:
        yield ollama


@pytest.fixture
def version(ollama: RealOllama) -> str:
    said: str = ollama.ask("GET", "/api/version").json()["version"]
    return said


@pytest.fixture
def backend(run: Run, make_backend: MakeBackend, ollama: RealOllama) -> OllamaBackend:
    """An open backend for the real daemon."""
    backend = make_backend(ollama, slots=2, timeouts=TIMEOUTS)
    run(backend.open())
    return backend


def failing(run: Run, backend: OllamaBackend, request: GenerationRequest) -> BackendError:
    """The error that a request ends in."""
    with pytest.raises(BackendError) as caught:
        run(answer(backend, request))
    return caught.value


def loaded(ollama: RealOllama) -> dict[str, dict[str, Any]]:
    """What is in memory, by name."""
    return {model["name"]: model for model in ollama.ask("GET", "/api/ps").json()["models"]}


def test_the_models_of_this_machine_are_found(
    run: Run, make_backend: MakeBackend, ollama: RealOllama
) -> None:
    backend = make_backend(ollama)
    models = {model.name: model for model in run(backend.open()).models}
    assert models.keys() == {DEMO, BABBLER, THINKER, VECTORS}
    assert models[DEMO].context == 8192
    assert models[DEMO].size > 700_000
    assert models[DEMO].endpoints == ("chat",)
    assert models[VECTORS].endpoints == ("embeddings",)
    assert backend.remote_models == (STUB,)
    assert run(backend.health()).is_well


def test_an_answer_comes_to_its_end_or_to_its_last_token(run: Run, backend: OllamaBackend) -> None:
    whole = run(answer(backend, ask(TICKET, DEMO, max_tokens=60)))
    assert json.loads(whole.text).keys() == {"topic", "urgency"}
    assert (whole.finish_reason, whole.reasoning) == ("stop", None)
    assert 10 < whole.input_tokens < 100
    part = run(answer(backend, ask(TICKET, DEMO, max_tokens=4)))
    assert (part.finish_reason, part.output_tokens) == ("length", 4)
    assert whole.text.startswith(part.text)
    stopped = run(answer(backend, ask(TICKET, DEMO, max_tokens=60, stop=("urgency",))))
    assert (stopped.finish_reason, stopped.text) == ("stop", whole.text.partition("urgency")[0])


def test_a_seed_gives_the_same_answer_again(run: Run, backend: OllamaBackend) -> None:
    def say(seed: int) -> str:
        wild = ask(TICKET, BABBLER, max_tokens=20, temperature=2.0, seed=seed)
        text: str = run(answer(backend, wild)).text
        return text

    assert say(7) == say(7)
    assert len({say(seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("model", [DEMO, THINKER])
def test_a_schema_holds_the_answer(run: Run, backend: OllamaBackend, model: str) -> None:
    result = run(answer(backend, ask(TICKET, model, max_tokens=60, schema=YES_OR_NO)))
    assert json.loads(result.text) in {"yes", "no"}


def test_a_schema_that_makes_no_grammar_is_refused(run: Run, backend: OllamaBackend) -> None:
    error = failing(run, backend, ask(TICKET, DEMO, schema={"type": "nonsense"}))
    assert error.code == ErrorCode.INVALID_SCHEMA


def test_thoughts_are_kept_apart(run: Run, backend: OllamaBackend) -> None:
    result = run(answer(backend, ask(TICKET, THINKER, max_tokens=60)))
    assert json.loads(result.reasoning or "").keys() == {"topic", "urgency"}
    assert result.text == ""


def test_a_text_becomes_a_vector(run: Run, backend: OllamaBackend) -> None:
    result = run(answer(backend, ask(TICKET, VECTORS, endpoint="embeddings")))
    vector = json.loads(result.text)
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-4)
    assert (len(vector), result.output_tokens) == (64, 0)
    assert result.input_tokens > 2


def test_a_prompt_that_is_too_long_is_refused_only_by_the_largest_window(
    run: Run, backend: OllamaBackend, ollama: RealOllama
) -> None:
    # Two bytes a token: so many are not expected of it.
    error = failing(run, backend, ask("a " * 8200, BABBLER, max_tokens=1))
    assert error.code == ErrorCode.PROMPT_TOO_LONG
    assert loaded(ollama)[BABBLER]["context_length"] == 8192


def test_a_text_that_fits_the_window_becomes_a_vector(run: Run, backend: OllamaBackend) -> None:
    result = run(answer(backend, ask("a " * 2500, VECTORS, endpoint="embeddings")))
    assert result.input_tokens > 2500


def test_an_answer_that_fills_the_window_is_no_answer(
    run: Run, make_backend: MakeBackend, ollama: RealOllama
) -> None:
    backend = make_backend(ollama, num_ctx=256)
    run(backend.open())
    wild = ask("a " * 150, BABBLER, max_tokens=500, temperature=2.0, seed=1)
    assert failing(run, backend, wild).code == ErrorCode.PROMPT_TOO_LONG


def test_a_model_is_loaded_once_whatever_the_lengths(
    run: Run, backend: OllamaBackend, ollama: RealOllama
) -> None:
    run(answer(backend, ask(TICKET, DEMO, max_tokens=1)))
    before = ollama.runners
    requests = [ask("late " * n, DEMO, max_tokens=3) for n in (1, 90, 20, 150, 3)]
    run(answers(backend, requests))
    assert ollama.runners == before
    assert loaded(ollama)[DEMO]["context_length"] in {4096, 8192}


def test_what_its_owner_keeps_for_ever_is_kept(
    run: Run, make_backend: MakeBackend, ollama: RealOllama
) -> None:
    by_owner = {"keep_alive": -1, "shift": False, "options": {"num_ctx": 5000}}
    ollama.post("/api/chat", model=DEMO, messages=[], **by_owner)
    runners = ollama.runners
    backend = make_backend(ollama)
    run(backend.open())
    run(answer(backend, ask(TICKET, DEMO, max_tokens=1)))
    assert ollama.runners == runners
    assert loaded(ollama)[DEMO]["context_length"] == 5000
    assert not loaded(ollama)[DEMO]["expires_at"].startswith("20")


def test_a_model_that_was_unloaded_meanwhile_is_loaded_again(
    run: Run, backend: OllamaBackend, ollama: RealOllama
) -> None:
    run(answer(backend, ask(TICKET, DEMO, max_tokens=1)))
    said = ollama.post("/api/chat", model=DEMO, messages=[], keep_alive=0).json()
    assert said["done_reason"] == "unload"
    eventually(lambda: DEMO not in loaded(ollama), "an empty memory")
    assert run(answer(backend, ask(TICKET, DEMO, max_tokens=3))).output_tokens == 3


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (STUB, ErrorCode.PRIVACY),
        ("private", ErrorCode.PRIVACY),
        ("gpt-oss:120b-cloud", ErrorCode.PRIVACY),
        ("demo:cloud", ErrorCode.PRIVACY),
        ("nobody", ErrorCode.UNKNOWN_MODEL),
    ],
)
def test_what_is_not_of_this_machine_is_not_asked(
    run: Run, backend: OllamaBackend, *, model: str, code: ErrorCode
) -> None:
    assert failing(run, backend, ask("the-code-word", model)).code == code


def test_a_name_that_is_local_is_answered_here_or_not_at_all(
    ollama: RealOllama, version: str
) -> None:
    if assurance_of(version, is_cloud_off=False) != "named":
        pytest.skip(f"{version} is older than {LOCAL_NAMES_SINCE}")
    here = ollama.post("/api/chat", model=f"{DEMO}:local", messages=[])
    assert (here.status_code, here.json()["model"]) == (200, f"{DEMO}:local")
    assert ollama.post("/api/chat", model=f"{STUB}:local", messages=HI).status_code == 404
    assert ollama.post("/api/chat", model="demo:cloud:local", messages=HI).status_code == 400
    assert ollama.post("/api/chat", model="demo:cloud", messages=HI).status_code == 403


def test_a_job_that_is_cancelled_makes_room_for_the_next(run: Run, backend: OllamaBackend) -> None:
    async def cancel_in_flight() -> None:
        task = await begun(backend, ask(TICKET, BABBLER, max_tokens=8000, temperature=2.0))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await answer(backend, ask(TICKET, BABBLER, max_tokens=3))

    run(cancel_in_flight())


def test_a_runner_that_is_killed_is_known_to_have_died(
    run: Run, backend: OllamaBackend, ollama: RealOllama
) -> None:
    async def kill_in_flight() -> None:
        # Who has answered holds nothing of anybody who came before.
        await answer(backend, ask(TICKET, BABBLER, max_tokens=3))
        task = await begun(backend, ask(TICKET, BABBLER, max_tokens=8000, temperature=2.0))
        for runner in ollama.runners:
            os.kill(runner, signal.SIGKILL)
        [end] = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(end, CrashedError), end
        assert end.alone
        await answer(backend, ask(TICKET, BABBLER, max_tokens=3))

    run(kill_in_flight())


def test_a_daemon_that_is_killed_and_returns_goes_on(
    run: Run, backend: OllamaBackend, ollama: RealOllama
) -> None:
    async def kill_and_return() -> None:
        endless = ask(TICKET, BABBLER, max_tokens=8000, temperature=2.0)
        answering = await begun(backend, endless)
        waiting = asyncio.create_task(answer(backend, endless))
        await asyncio.to_thread(ollama.kill)
        ended = await asyncio.gather(answering, waiting, return_exceptions=True)
        assert all(isinstance(end, (CrashedError, ParkBackendError)) for end in ended), ended
        with pytest.raises(ParkBackendError):
            await answer(backend, ask(TICKET, BABBLER))
        await asyncio.to_thread(ollama.start)
        await answer(backend, ask(TICKET, BABBLER, max_tokens=3))

    run(kill_and_return())


def test_nothing_is_sent_before_the_first_token(ollama: RealOllama) -> None:
    ollama.post("/api/chat", model=BABBLER, messages=[], options={"num_ctx": 8192})
    body = {"model": BABBLER, "messages": LONG, "options": {"num_predict": 1, "num_ctx": 8192}}
    with (
        httpx2.Client(trust_env=False, timeout=60) as client,
        client.stream("POST", ollama.url + "/api/chat", json=body) as reply,
    ):
        assert reply.headers["content-type"] == "application/x-ndjson"
        last = json.loads([line for line in reply.iter_lines() if line][-1])
    # All of the time to the headers went into reading the prompt.
    assert reply.elapsed.total_seconds() * 1e9 >= last["prompt_eval_duration"]


ODD: dict[str, tuple[str, dict[str, Any] | bytes]] = {
    "no body": ("/api/chat", b""),
    "no JSON": ("/api/chat", b"{not json"),
    "no object": ("/api/chat", b"[]"),
    "no name": ("/api/chat", {"messages": HI}),
    "no such model": ("/api/chat", {"model": "nobody", "messages": HI}),
    "no such model to embed with": ("/api/embed", {"model": "nobody", "input": "hi"}),
    "no chat": ("/api/chat", {"model": VECTORS, "messages": HI}),
    "no vectors": ("/api/embed", {"model": DEMO, "input": "hi"}),
    "no thinking": ("/api/chat", {"model": DEMO, "messages": HI, "think": True}),
    "no way to think": ("/api/chat", {"model": DEMO, "messages": HI, "think": "hard"}),
    "no tools": ("/api/chat", {"model": DEMO, "messages": HI, "tools": [{"type": "function"}]}),
    "no format": ("/api/chat", {"model": DEMO, "messages": HI, "format": 3}),
    "no schema": ("/api/chat", {"model": DEMO, "messages": HI, "format": {"type": "nonsense"}}),
    "no number": ("/api/chat", {"model": DEMO, "messages": HI, "options": {"num_ctx": "much"}}),
    "no duration": ("/api/chat", {"model": DEMO, "messages": HI, "keep_alive": "soon"}),
    "no text": ("/api/embed", {"model": VECTORS, "input": 3}),
    "a stub": ("/api/chat", {"model": STUB, "messages": HI}),
    "a stub to embed with": ("/api/embed", {"model": STUB, "input": "hi"}),
    "a cloud name": ("/api/chat", {"model": "demo:cloud", "messages": HI}),
    "too long": (
        "/api/chat",
        {"model": DEMO, "messages": LONG, "truncate": False, "options": {"num_ctx": 512}},
    ),
    "too long to embed": (
        "/api/embed",
        {"model": VECTORS, "input": "a " * 600, "truncate": False, "options": {"num_ctx": 512}},
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_the_double_refuses_what_the_real_one_does(
    ollama: RealOllama, version: str, make_daemon: MakeDaemon, odd: str
) -> None:
    path, fields = ODD[odd]
    body = fields if isinstance(fields, bytes) else json.dumps({"stream": False} | fields).encode()
    real = ollama.ask("POST", path, body)
    double = make_daemon(
        [
            Model(name=DEMO),
            Model(name=VECTORS, capabilities=("embedding",)),
            Model(name=STUB, remote_model="big:120b", remote_host=CLOUD),
        ],
        version=version,
        engine=engine_of(version),
        cloud=Cloud(disabled=True),
    )
    said = httpx2.post(double.url + path, content=body, trust_env=False)
    assert (real.status_code, real.json().keys()) == (said.status_code, said.json().keys())
    assert _decided(real) == _decided(said)


def engine_of(version: str) -> str:
    """What runs models; 0.20.2 had one of its own, 0.32.0 has llama-server."""
    return "llama-server" if is_since(version, (0, 32, 0)) else "ollama"


def _decided(answer: httpx2.Response) -> tuple[type[BackendError], ErrorCode]:
    failure = Failure(status=answer.status_code, body=answer.content, model="m", alone=True)
    decided = decide(failure)
    return type(decided), decided.code


def test_nothing_has_left_this_machine(ollama: RealOllama, way_out: Outside | None) -> None:
    if way_out is None:
        pytest.skip("not in namespaces of its own")
    assert way_out.taken() == []
