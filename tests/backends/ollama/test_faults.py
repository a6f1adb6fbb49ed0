"""The backend against the double: what goes wrong, and what comes of it."""

import asyncio

import pytest

from backends.errors import (
    AlterAndRetryError,
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RetryLaterError,
    RetryNowError,
)
from backends.ollama.backend import OllamaBackend
from backends.watch import Timeouts
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest
from tests.backends.asking import answer, ask, begun
from tests.backends.conftest import Run
from tests.backends.ollama.conftest import (
    LLAMA,
    MakeBackend,
    MakeDaemon,
)
from tests.doubles.ollama import faults, says
from tests.doubles.ollama.daemon import Daemon


def failing(run: Run, backend: OllamaBackend, request: GenerationRequest) -> BackendError:
    """The error that a request ends in."""
    with pytest.raises(BackendError) as caught:
        run(answer(backend, request))
    return caught.value


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
