"""The backend against the double: what is found, sent, loaded and counted."""

import asyncio
import json
from typing import Any

import pytest

from backends.errors import (
    BackendError,
    RefusedError,
)
from backends.ollama.backend import OllamaBackend
from backends.watch import Timeouts
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, Message
from tests.backends.asking import answer, answers, ask, begun, until
from tests.backends.conftest import Run
from tests.backends.ollama.conftest import (
    EMBEDDER,
    LLAMA,
    THINKER,
    MakeBackend,
    MakeDaemon,
)
from tests.doubles.ollama import faults
from tests.doubles.ollama.cloud import Cloud
from tests.doubles.ollama.daemon import Daemon
from tests.doubles.ollama.models import Model


def failing(run: Run, backend: OllamaBackend, request: GenerationRequest) -> BackendError:
    """The error that a request ends in."""
    with pytest.raises(BackendError) as caught:
        run(answer(backend, request))
    return caught.value


def sent(daemon: Daemon) -> dict[str, Any]:
    """The last prompt that the daemon got."""
    return next(b for b in reversed(daemon.record.bodies) if b.get("messages") or b.get("input"))


def test_opening_finds_the_models_that_run_here(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    found = run(make_backend(daemon, slots=3).open())
    models = {model.name: model for model in found.models}
    assert models.keys() == {LLAMA.name, THINKER.name, EMBEDDER.name}
    llama = models[LLAMA.name]
    assert (llama.size, llama.context, llama.quantization) == (LLAMA.size, 8192, "Q4_K_M")
    assert (llama.endpoints, models[EMBEDDER.name].endpoints) == (("chat",), ("embeddings",))
    assert (found.slots, found.loaded, found.may_leave_machine) == (3, (), False)


def test_a_model_whose_tag_is_local_is_not_offered_where_that_means_another(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    models = [LLAMA, Model(name="mine:local")]
    new = make_backend(make_daemon(models))
    old = make_backend(make_daemon(models, version="0.17.7", cloud=Cloud(disabled=True)))
    assert {model.name for model in run(new.open()).models} == {LLAMA.name}
    assert {model.name for model in run(old.open()).models} == {LLAMA.name, "mine:local"}
    assert new.remote_models == ()


def test_a_daemon_with_its_cloud_switched_off_is_asked_by_plain_names(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], version="0.17.7", cloud=Cloud(disabled=True))
    backend = make_backend(daemon)
    run(backend.open())
    assert run(answer(backend, ask("hi", LLAMA.name))).text == "hi"
    assert sent(daemon)["model"] == LLAMA.name


def test_a_quantization_that_ollama_cannot_tell_is_none(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([Model(name="own:latest", quantization="unknown")])
    assert [model.quantization for model in run(make_backend(daemon).open()).models] == [""]


def test_everything_that_has_a_default_of_its_own_is_said(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    request = ask("hi", LLAMA.name, max_tokens=7, temperature=0.5, top_p=0.9, seed=3, stop=("x",))
    run(answer(opened, request))
    body = sent(daemon)
    assert body["options"] == {
        "num_ctx": 4096,
        "num_predict": 7,
        "seed": 3,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["<|eot_id|>", "x"],
    }
    assert (body["truncate"], body["shift"], body["keep_alive"]) == (False, False, "10m")
    assert body["model"] == "llama3.2:3b:local"
    assert "think" not in body


def test_a_seed_that_may_be_any_is_said_too(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    run(answer(opened, ask("hi", LLAMA.name)))
    assert sent(daemon)["options"]["seed"] == -1


def test_reasoning_is_kept_apart(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    result = run(answer(opened, ask("one two", THINKER.name)))
    assert (result.reasoning, result.text) == ("let me think ", "one two")
    assert sent(daemon)["think"] is True


def test_a_schema_goes_along_as_the_format(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    result = run(answer(opened, ask("hi", THINKER.name, schema=schema)))
    assert json.loads(result.text) == {"ok": True}
    assert (sent(daemon)["format"], sent(daemon)["think"]) == (schema, False)


@pytest.mark.parametrize(("version", "think"), [("0.20.2", True), ("0.33.0", False)])
def test_a_model_that_is_held_late_thinks_before_it_fits_a_schema(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend, *, version: str, think: bool
) -> None:
    capabilities = ("completion", "thinking")
    model = Model(name="qwen3:4b", family="qwen3", parser="qwen3", capabilities=capabilities)
    daemon = make_daemon([model], version="0.33.0" if think else "0.20.2")
    backend = make_backend(daemon, recheck_s=0)
    run(backend.open())
    # The same model of another Ollama is another one.
    daemon.version = version
    run(answer(backend, ask("hi", model.name, schema={"type": "boolean"})))
    assert sent(daemon)["think"] is think


def test_a_schema_is_told_in_words_too_and_the_words_have_room(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    long = {"type": "string", "enum": [f"c{n}" for n in range(3000)]}
    run(answer(opened, ask("how", LLAMA.name, schema=long, max_tokens=9)))
    [turn] = sent(daemon)["messages"]
    assert turn["role"] == "user"
    assert "c0, c1, " in turn["content"]
    assert turn["content"].endswith("\n\nhow")
    # Two windows of the least size: made large enough at once, not after a refusal.
    assert {body["options"]["num_ctx"] for body in daemon.record.bodies} == {LLAMA.context}


def test_a_text_becomes_a_vector(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    result = run(answer(opened, ask("one two", EMBEDDER.name, endpoint="embeddings")))
    assert result.form == "vector"
    assert sum(x * x for x in json.loads(result.text)) == pytest.approx(1)
    assert (result.input_tokens, result.output_tokens) == (2, 0)
    assert sent(daemon)["truncate"] is False


def test_a_text_that_fits_the_window_becomes_a_vector_however_long(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([Model(name="bge-m3:latest", capabilities=("embedding",))])
    backend = make_backend(daemon)
    run(backend.open())
    run(answer(backend, ask("word " * 5000, "bge-m3", endpoint="embeddings")))
    assert {b["options"]["num_batch"] for b in daemon.record.bodies} == {16384}
    assert len(daemon.record.loads) == 1


@pytest.mark.parametrize(
    ("model", "endpoint"), [(LLAMA.name, "embeddings"), (EMBEDDER.name, "chat")]
)
def test_what_a_model_cannot_do_is_refused_without_asking_it(
    run: Run, opened: OllamaBackend, daemon: Daemon, model: str, endpoint: str
) -> None:
    error = failing(run, opened, ask("hi", model, endpoint=endpoint))
    assert (type(error), error.code) == (RefusedError, ErrorCode.UNSUPPORTED_ENDPOINT)
    assert daemon.record.bodies == []


def test_a_model_is_loaded_once_whatever_the_lengths(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], parallel=4)
    backend = make_backend(daemon, slots=4)
    run(backend.open())
    requests = [ask("word " * n, LLAMA.name, max_tokens=9) for n in (1, 500, 20, 900, 3, 700)]
    run(answers(backend, requests))
    assert daemon.record.loads == [LLAMA.name]
    assert {body["options"]["num_ctx"] for body in daemon.record.bodies} == {4096}


def test_a_longer_prompt_loads_the_model_with_a_larger_window_once(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], parallel=4)
    backend = make_backend(daemon, slots=4)
    run(backend.open())
    requests = [ask("word " * n, LLAMA.name, max_tokens=9) for n in (1, 9, 3000, 7, 3001, 2)]
    run(answers(backend, requests))
    assert daemon.record.loads == [LLAMA.name] * 2


def test_what_somebody_else_has_loaded_is_not_loaded_again(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA])
    backend, later = make_backend(daemon), make_backend(daemon)
    run(backend.open())
    run(answer(backend, ask("word " * 3000, LLAMA.name, max_tokens=9)))
    assert run(later.open()).loaded == (LLAMA.name,)
    run(answer(later, ask("hi", LLAMA.name)))
    assert daemon.record.loads == [LLAMA.name]


def test_a_set_window_is_the_only_one(run: Run, make_backend: MakeBackend, daemon: Daemon) -> None:
    backend = make_backend(daemon, num_ctx=512)
    run(backend.open())
    run(answer(backend, ask("hi", LLAMA.name, max_tokens=9)))
    error = failing(run, backend, ask("word " * 700, LLAMA.name, max_tokens=9))
    assert error.code == ErrorCode.PROMPT_TOO_LONG
    assert daemon.record.loads == [LLAMA.name]


@pytest.mark.parametrize("engine", ["llama-server", "mlx", "ollama"])
def test_a_prompt_of_more_tokens_than_were_thought_gets_a_larger_window(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend, engine: str
) -> None:
    daemon = make_daemon([LLAMA], engine=engine)
    backend = make_backend(daemon)
    run(backend.open())
    # Two bytes a token.
    result = run(answer(backend, ask("a " * 5000, LLAMA.name, max_tokens=5)))
    assert result.input_tokens >= 5000
    assert len(daemon.record.loads) == 2


def test_a_prompt_that_no_window_holds_is_too_long(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    error = failing(run, opened, ask("a " * 9000, LLAMA.name, max_tokens=5))
    assert error.code == ErrorCode.PROMPT_TOO_LONG
    assert "9,003 tokens" in str(error)


def test_an_answer_that_fills_the_window_is_no_answer(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    backend = make_backend(daemon, num_ctx=64)
    run(backend.open())
    error = failing(run, backend, ask("endless", LLAMA.name, max_tokens=500))
    assert error.code == ErrorCode.PROMPT_TOO_LONG


def test_a_prompt_that_was_cut_in_silence_is_no_success(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    turns = (Message("user", "word " * 4000), Message("user", "and now?"))
    cut = faults.line("", done=True, done_reason="stop", prompt_eval_count=12, eval_count=1)
    daemon.faults.extend([faults.Streams(lines=(faults.line("fine "), cut))] * 9)
    error = failing(run, opened, GenerationRequest(model=LLAMA.name, messages=turns))
    assert error.code == ErrorCode.PROMPT_TOO_LONG


def test_a_job_that_is_cancelled_does_not_break_off_the_load(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], load_s=0.5)
    backend = make_backend(daemon)

    async def cancel_while_it_loads() -> None:
        await backend.open()
        task = asyncio.create_task(answer(backend, ask("hi", LLAMA.name)))
        await until(lambda: "POST /api/chat" in daemon.record.calls)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await answer(backend, ask("and again", LLAMA.name))

    run(cancel_while_it_loads())
    assert (daemon.record.loads, daemon.record.aborted_loads) == ([LLAMA.name], 0)


def test_loading_may_take_longer_than_a_first_token(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], load_s=0.6)
    timeouts = Timeouts(connect_s=5, first_s=0.3, between_s=0.3, total_s=5)
    backend = make_backend(daemon, timeouts=timeouts)
    run(backend.open())
    assert run(answer(backend, ask("hi", LLAMA.name))).text == "hi"
    assert daemon.record.aborted_loads == 0


def test_no_more_prompts_are_with_it_than_there_are_slots(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], parallel=8, tokens_per_s=2000)
    backend = make_backend(daemon, slots=2)
    run(backend.open())
    run(answers(backend, [ask(f"prompt {n}", LLAMA.name) for n in range(12)]))
    assert daemon.record.most_running <= 2


def test_a_job_that_is_cancelled_leaves_the_daemon_idle(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], tokens_per_s=500)
    backend = make_backend(daemon)

    async def cancel_in_flight() -> None:
        await backend.open()
        task = await begun(backend, ask("endless", LLAMA.name, max_tokens=4000))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: daemon.record.running == 0)

    run(cancel_in_flight())


def test_a_model_that_was_pulled_since_is_found(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    new = Model(name="new:latest")
    assert failing(run, opened, ask("hi", "new")).code == ErrorCode.UNKNOWN_MODEL
    daemon.models["new:latest"] = new
    assert run(answer(opened, ask("hi", "new"))).text == "hi"


def test_what_its_owner_keeps_for_ever_is_kept(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    backend = make_backend(daemon)
    run(backend.open())
    run(
        backend._server.ask_json(
            "/api/chat",
            {
                "model": LLAMA.name,
                "keep_alive": -1,
                "shift": False,
                "options": {"num_ctx": 5000},
                "stream": False,
            },
        )
    )
    run(answer(backend, ask("hi", LLAMA.name)))
    assert (sent(daemon)["keep_alive"], sent(daemon)["options"]["num_ctx"]) == (-1, 5000)


def test_health_is_whether_it_answers(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    assert run(opened.health()).is_well
    daemon.die()
    assert not run(opened.health()).is_well
    run(opened.close())
    assert run(opened.health()).detail == "closed"


@pytest.mark.parametrize("digest", ["d2", LLAMA.digest])
def test_a_name_that_came_to_stand_for_a_stub_is_noticed_before_it_is_asked(
    run: Run, make_backend: MakeBackend, daemon: Daemon, digest: str
) -> None:
    backend = make_backend(daemon, recheck_s=0)
    run(backend.open())
    assert run(answer(backend, ask("hi", LLAMA.name))).text == "hi"
    asked = len(daemon.record.bodies)
    daemon.models[LLAMA.name] = Model(
        name=LLAMA.name, digest=digest, remote_model="big:120b", remote_host="https://ollama.com"
    )
    assert failing(run, backend, ask("hi", LLAMA.name)).code == ErrorCode.PRIVACY
    assert len(daemon.record.bodies) == asked
    assert LLAMA.name in backend.remote_models


def test_models_are_looked_at_again_only_when_they_have_changed(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    backend = make_backend(daemon, recheck_s=0)
    run(backend.open())
    shown = daemon.record.calls.count("POST /api/show")
    run(answer(backend, ask("hi", LLAMA.name)))
    assert daemon.record.calls.count("POST /api/show") == shown
    daemon.models[LLAMA.name] = Model(name=LLAMA.name, digest="d2", context=4096)
    run(answer(backend, ask("hi", LLAMA.name)))
    assert daemon.record.calls.count("POST /api/show") == shown + 1
