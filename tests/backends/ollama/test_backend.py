"""The backend against the double: what is found, sent, loaded, counted, and what goes wrong."""

import asyncio
import json
from typing import Any

import pytest

from backends.errors import (
    AlterAndRetryError,
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
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
from tests.doubles.ollama import faults, says
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


def test_a_text_becomes_a_vector(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    result = run(answer(opened, ask("one two", EMBEDDER.name, endpoint="embeddings")))
    assert result.form == "vector"
    assert sum(x * x for x in json.loads(result.text)) == pytest.approx(1)
    assert (result.input_tokens, result.output_tokens) == (2, 0)
    assert sent(daemon)["truncate"] is False


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


@pytest.mark.parametrize("engine", ["llama-server", "mlx", "plain"])
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


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (faults.error_mid_stream(), CrashedError, ErrorCode.BACKEND_FAILED),
        (faults.error_mid_stream("oh"), RetryNowError, ErrorCode.BACKEND_FAILED),
        (faults.ends_without_done(), RetryNowError, ErrorCode.INCOMPLETE),
        (faults.breaks_mid_stream(), RetryNowError, ErrorCode.INCOMPLETE),
        (faults.repeat_abort(), AlterAndRetryError, ErrorCode.BACKEND_FAILED),
        (faults.repeat_error(), AlterAndRetryError, ErrorCode.BACKEND_FAILED),
        (faults.html(), RetryNowError, ErrorCode.BACKEND_FAILED),
        (faults.garbage(), RetryNowError, ErrorCode.BACKEND_FAILED),
        (faults.Closes(), RetryNowError, ErrorCode.BACKEND_FAILED),
        (faults.Answers(body=b""), RetryNowError, ErrorCode.INCOMPLETE),
        (faults.Answers(body=b"[]"), RetryNowError, ErrorCode.BACKEND_FAILED),
        (faults.error(503, says.BUSY), RetryLaterError, ErrorCode.BACKEND_FAILED),
        (faults.error(500, says.DIED), CrashedError, ErrorCode.BACKEND_FAILED),
        (faults.error(429, "slow down"), RetryLaterError, ErrorCode.BACKEND_FAILED),
        *(
            (
                faults.Streams(lines=(faults.line("x", done=True, done_reason=reason),)),
                RetryNowError,
                ErrorCode.INCOMPLETE,
            )
            for reason in ("load", "unload", "")
        ),
        (
            faults.Streams(
                lines=(
                    b'{"message":{"thinking":"hm"}}\n',
                    faults.line("", done=True, done_reason="stop", eval_count=1),
                )
            ),
            AlterAndRetryError,
            ErrorCode.BACKEND_FAILED,
        ),
    ],
)
def test_what_goes_wrong_has_its_code_and_the_next_job_is_well(
    run: Run,
    opened: OllamaBackend,
    daemon: Daemon,
    *,
    fault: faults.Fault,
    error: type[BackendError],
    code: ErrorCode,
) -> None:
    daemon.faults.append(fault)
    failed = failing(run, opened, ask("the-code-word", LLAMA.name))
    assert (type(failed), failed.code) == (error, code)
    assert "code-word" not in str(failed)
    assert run(answer(opened, ask("hi", LLAMA.name))).text == "hi"


@pytest.mark.parametrize("fault", [faults.Hangs(), faults.stalls_mid_stream()])
def test_a_daemon_that_says_nothing_more_is_not_waited_for(
    run: Run, make_backend: MakeBackend, daemon: Daemon, fault: faults.Fault
) -> None:
    timeouts = Timeouts(connect_s=5, first_s=0.5, between_s=0.2, total_s=5)
    backend = make_backend(daemon, timeouts=timeouts)
    run(backend.open())
    daemon.faults.append(fault)
    assert failing(run, backend, ask("hi", LLAMA.name)).code == ErrorCode.TIMED_OUT


def test_an_answer_without_an_end_is_cut(run: Run, opened: OllamaBackend, daemon: Daemon) -> None:
    lines = (faults.line("x" * 100_000),) * 60
    daemon.faults.append(faults.Streams(lines=lines, then="hangs"))
    error = failing(run, opened, ask("hi", LLAMA.name, max_tokens=10))
    assert type(error) is RetryNowError


def test_a_daemon_that_is_down_is_waited_for_at_nobodys_expense(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    backend = make_backend(daemon, slots=8)
    run(backend.open())
    daemon.die()

    async def ask_all() -> list[BaseException | object]:
        asked = [answer(backend, ask("hi", LLAMA.name)) for _ in range(8)]
        return await asyncio.gather(*asked, return_exceptions=True)

    errors = run(ask_all())
    assert all(isinstance(error, ParkBackendError) and error.for_s <= 1 for error in errors)
    daemon.come_back()
    assert run(answer(backend, ask("hi", LLAMA.name))).text == "hi"


def test_a_daemon_that_looks_for_its_cloud_is_stopped(
    run: Run, opened: OllamaBackend, daemon: Daemon
) -> None:
    daemon.faults.append(faults.error(502, says.UPSTREAM_LOST))
    assert type(failing(run, opened, ask("hi", LLAMA.name))) is PrivacyBreachError
    error = failing(run, opened, ask("hi", LLAMA.name))
    assert isinstance(error, ParkBackendError)
    assert error.for_s == float("inf")
    assert not run(opened.health()).is_well


def test_after_a_breach_not_even_those_are_sent_that_waited_for_their_turn(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA])
    backend = make_backend(daemon)
    run(backend.open())
    daemon.faults.append(faults.answered_remotely(LLAMA.name))

    async def ask_all() -> list[BaseException | object]:
        asked = [answer(backend, ask(f"prompt {n}", LLAMA.name)) for n in range(8)]
        return await asyncio.gather(*asked, return_exceptions=True)

    ended = [type(end) for end in run(ask_all())]
    assert sorted(ended, key=str) == [*[ParkBackendError] * 7, PrivacyBreachError]
    assert len(daemon.record.prompts) == 1
    with pytest.raises(ParkBackendError):
        run(backend.open())


def test_a_daemon_that_is_away_when_the_backend_opens_may_come_later(
    run: Run, make_backend: MakeBackend, daemon: Daemon
) -> None:
    daemon.die()
    backend = make_backend(daemon)
    assert run(backend.open()).models == ()
    assert not run(backend.health()).is_well
    daemon.come_back()
    assert run(answer(backend, ask("hi", LLAMA.name))).text == "hi"


def test_a_daemon_that_dies_with_jobs_in_it_and_returns_goes_on_with_them(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    daemon = make_daemon([LLAMA], parallel=4, tokens_per_s=500)
    backend = make_backend(daemon, slots=4)

    async def die_and_return() -> None:
        await backend.open()
        requests = [ask("endless", LLAMA.name, max_tokens=4000) for _ in range(4)]
        tasks = [await begun(backend, request) for request in requests]
        await asyncio.to_thread(daemon.die)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, (CrashedError, ParkBackendError)) for end in ended), ended
        assert not any(isinstance(end, CrashedError) and end.alone for end in ended)
        await asyncio.to_thread(daemon.come_back)
        assert (await answer(backend, ask("hi", LLAMA.name))).text == "hi"

    run(die_and_return())


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/show", "/api/ps"])
@pytest.mark.parametrize("fault", [faults.html(), faults.garbage(), faults.Answers(body=b"[]")])
def test_what_is_no_ollama_is_not_asked(
    run: Run, make_backend: MakeBackend, daemon: Daemon, path: str, fault: faults.Fault
) -> None:
    daemon.broken[path] = fault
    with pytest.raises(ParkBackendError, match="is no Ollama"):
        run(make_backend(daemon).look())


def test_a_daemon_that_would_cut_prompts_is_not_asked(
    run: Run, make_daemon: MakeDaemon, make_backend: MakeBackend
) -> None:
    with pytest.raises(ParkBackendError, match=r"Expected 0\.12\.4 or newer"):
        run(make_backend(make_daemon(version="0.12.3")).look())


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
