"""What a server may do to a request, and what becomes of the job then."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backends.errors import (
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from backends.openai_compatible.backend import OpenAiBackend
from backends.watch import Timeouts
from jobs.codes import ErrorCode
from tests.backends.asking import answer, ask, until
from tests.backends.conftest import Run
from tests.doubles.openai_server import (
    MODEL,
    Behaviour,
    Exchange,
    OpenAiDouble,
    chunk,
    endless,
    error,
    events,
    half,
    hang,
    hang_after_a_token,
    hang_up,
    status,
    torn,
    usage,
)
from tests.doubles.openai_server import answer as answer_well

SECRET = "the-code-word"
QUOTING = f"no: {SECRET}"
#: Enough for a server on this machine under load, and little enough to wait for.
QUICK = Timeouts(connect_s=5, first_s=2, between_s=2, total_s=20)

Make = Callable[..., OpenAiBackend]


@pytest.fixture
def double() -> Iterator[OpenAiDouble]:
    with OpenAiDouble() as double:
        yield double


@pytest.fixture
def make(double: OpenAiDouble, run: Run) -> Iterator[Make]:
    made: list[OpenAiBackend] = []

    def make(**options: Any) -> OpenAiBackend:
        made.append(OpenAiBackend(double.url, **{"slots": 4, "timeouts": QUICK, **options}))
        run(made[-1].open())
        return made[-1]

    yield make
    for backend in made:
        run(backend.close())


def failure(run: Run, double: OpenAiDouble, backend: OpenAiBackend, *faults: Behaviour) -> Any:
    """How a request ends that meets these faults."""
    double.faults[SECRET] = list(faults)
    with pytest.raises(BackendError) as caught:
        run(answer(backend, ask(SECRET, MODEL, max_tokens=50)))
    assert SECRET not in str(caught.value) + repr(caught.value)
    return caught.value


LONG = ErrorCode.PROMPT_TOO_LONG
FINISHED = chunk({"content": "x"}, "stop")

#: Each row of what a server does, with the decision and the code.
ROWS: list[tuple[str, Behaviour, type[BackendError], ErrorCode]] = [
    ("HTML", status(200, b"<html>hi", "text/html"), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("garbage", status(200, b"\xff\x00{"), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("an event of garbage", events("{]"), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("an event of depth", events("[" * 9999), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("another type", events({"choices": 5}), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("a stream of nothing", events(), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("half a stream", half, RetryNowError, ErrorCode.INCOMPLETE),
    ("half a body", torn, RetryNowError, ErrorCode.INCOMPLETE),
    ("no [DONE]", events(FINISHED), RetryNowError, ErrorCode.INCOMPLETE),
    ("no reason", events(chunk({"content": "x"}), "[DONE]"), RetryNowError, ErrorCode.INCOMPLETE),
    ("aborted", events(chunk({}, "abort"), "[DONE]"), RetryNowError, ErrorCode.INCOMPLETE),
    ("an endless stream", endless, RetryNowError, ErrorCode.BACKEND_FAILED),
    ("hanging before headers", hang, RetryNowError, ErrorCode.TIMED_OUT),
    ("hanging after a token", hang_after_a_token, RetryNowError, ErrorCode.TIMED_OUT),
    ("closing at once", hang_up, RetryNowError, ErrorCode.BACKEND_FAILED),
    ("filtered", events(chunk({}, "content_filter"), "[DONE]"), RefusedError, ErrorCode.REFUSED),
    ("a tool", events(chunk({}, "tool_calls"), "[DONE]"), RefusedError, ErrorCode.REFUSED),
    (
        "the context full in the answer",
        events(chunk({"content": "x"}, "length"), usage(5, 7), "[DONE]"),
        RefusedError,
        LONG,
    ),
    ("400", error(400, message=QUOTING), RefusedError, ErrorCode.REFUSED),
    ("400 of text", status(400, QUOTING.encode(), "text/plain"), RefusedError, ErrorCode.REFUSED),
    ("422", status(422, b'{"detail":[]}'), RefusedError, ErrorCode.REFUSED),
    ("too long, as OpenAI says", error(400, code="context_length_exceeded"), RefusedError, LONG),
    ("as llama-server says", error(400, type="exceed_context_size_error"), RefusedError, LONG),
    (
        "as vLLM says",
        status(400, b'{"message":"This model\'s maximum context length is 64 tokens"}'),
        RefusedError,
        LONG,
    ),
    ("as LM Studio says", status(400, b'{"error":"the context overflows"}'), RefusedError, LONG),
    ("401", error(401, message=QUOTING), ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("403", status(403), ParkBackendError, ErrorCode.BACKEND_FAILED),
    ("404 with the model there", status(404), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("408", status(408), RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("409", status(409), RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("429", status(429), RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("503", error(503, type="unavailable_error"), RetryLaterError, ErrorCode.BACKEND_FAILED),
    ("500", error(500, message=QUOTING), RetryNowError, ErrorCode.BACKEND_FAILED),
    (
        "500 with a prompt about lengths in it",
        error(500, message="you asked: is the context length exceeded?"),
        RetryNowError,
        ErrorCode.BACKEND_FAILED,
    ),
    ("502", status(502), RetryNowError, ErrorCode.BACKEND_FAILED),
    ("504", status(504), RetryNowError, ErrorCode.TIMED_OUT),
    ("501", status(501), RefusedError, ErrorCode.UNSUPPORTED_ENDPOINT),
    (
        "an error in the stream",
        events(chunk({"content": "x"}), {"error": {"message": QUOTING}}),
        RetryNowError,
        ErrorCode.BACKEND_FAILED,
    ),
    (
        "the length in the stream",
        events({"error": {"code": 400, "type": "exceed_context_size_error"}}),
        RefusedError,
        LONG,
    ),
    (
        "a redirect to another machine",
        status(302, location="http://192.0.2.7/v1/chat/completions"),
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    (
        "a redirect to a name",
        status(307, location="//api.example/v1"),
        PrivacyBreachError,
        ErrorCode.PRIVACY,
    ),
    (
        "a redirect to itself",
        status(308, location="/v2/chat"),
        ParkBackendError,
        ErrorCode.BACKEND_FAILED,
    ),
]


@pytest.mark.parametrize("row", [pytest.param(row[1:], id=row[0]) for row in ROWS])
def test_every_fault_has_its_decision_and_its_code(
    run: Run, double: OpenAiDouble, make: Make, row: tuple[Behaviour, type[BackendError], ErrorCode]
) -> None:
    fault, decision, code = row
    backend = make()
    ended = failure(run, double, backend, fault)
    assert (type(ended), ended.code) == (decision, code), ended
    # The server is asked again as if nothing had been.
    assert run(answer(backend, ask(SECRET, MODEL))).text == f"{SECRET} "


def test_no_redirect_is_followed(run: Run, double: OpenAiDouble, make: Make) -> None:
    with OpenAiDouble() as other:
        location = f"{other.url.replace('127.0.0.1', 'localhost')}/v1/chat/completions"
        failure(run, double, make(), status(307, location=location))
        assert other.seen == []


def test_an_error_shows_its_type_and_code_and_not_its_text(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    fields = {"message": QUOTING, "type": "invalid_request_error", "code": "bad_stop"}
    ended = failure(run, double, make(), error(400, **fields))
    assert (
        str(ended) == f"The server at {double.url} answered 400 (invalid_request_error, bad_stop)."
    )
    ended = failure(run, double, make(), error(400, type=f"{SECRET} in a type", code={"a": SECRET}))
    assert str(ended) == f"The server at {double.url} answered 400."


@pytest.mark.parametrize(("header", "after_s"), [("17", 17.0), ("99999", 3600.0), ("soon", 5.0)])
def test_a_server_that_is_busy_is_left_alone_as_long_as_it_says(
    run: Run, double: OpenAiDouble, make: Make, header: str, after_s: float
) -> None:
    ended = failure(run, double, make(), status(429, retry_after=header))
    assert ended.after_s == after_s


def test_busy_twice_and_then_well_is_well(run: Run, double: OpenAiDouble, make: Make) -> None:
    backend = make()
    double.faults["hello"] = [status(503), status(503)]
    for _ in range(2):
        with pytest.raises(RetryLaterError):
            run(answer(backend, ask("hello", MODEL)))
    assert run(answer(backend, ask("hello", MODEL))).text == "hello "


def test_a_server_that_is_away_is_waited_for(run: Run, double: OpenAiDouble, make: Make) -> None:
    backend = make()
    double.die()
    for _ in range(3):
        with pytest.raises(ParkBackendError, match="connection refused"):
            run(answer(backend, ask("hello", MODEL)))
    double.start()
    assert run(answer(backend, ask("hello", MODEL))).text == "hello "


def test_a_server_that_dies_is_blamed_on_nobody_but_the_one_that_was_alone(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    backend = make()

    async def die_with(prompts: list[str]) -> list[Any]:
        for prompt in prompts:
            double.faults[prompt] = [hang_after_a_token]
        tasks = [asyncio.create_task(answer(backend, ask(each, MODEL))) for each in prompts]
        await until(lambda: double.in_flight == len(prompts))
        await asyncio.to_thread(double.die)
        return await asyncio.gather(*tasks, return_exceptions=True)

    together = run(die_with(["a", "b", "c"]))
    assert [(type(each), each.alone) for each in together] == [(CrashedError, False)] * 3
    double.start()
    [alone] = run(die_with(["a"]))
    assert (type(alone), alone.alone) == (CrashedError, True)
    # What comes next is not sent to it before it shows itself.
    with pytest.raises(ParkBackendError):
        run(answer(backend, ask("next", MODEL)))
    double.start()
    assert run(answer(backend, ask("next", MODEL))).text == "next "


def test_a_server_that_dies_right_after_a_job_was_cancelled_is_blamed_on_nobody(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    backend = make()
    double.faults |= {"cancelled": [hang_after_a_token], "next": [hang_after_a_token] * 2}

    async def die_in_the_next() -> CrashedError:
        before = len(double.prompts)
        task = asyncio.create_task(answer(backend, ask("next", MODEL)))
        await until(lambda: len(double.prompts) > before)
        await asyncio.to_thread(double.die)
        with pytest.raises(CrashedError) as caught:
            await task
        return caught.value

    async def cancel_then_die_twice() -> list[bool]:
        await answer(backend, ask("hello", MODEL))
        cancelled = asyncio.create_task(answer(backend, ask("cancelled", MODEL)))
        await until(lambda: double.in_flight)
        cancelled.cancel()
        first = await die_in_the_next()
        await asyncio.to_thread(double.start)
        second = await die_in_the_next()
        return [first.alone, second.alone]

    assert run(cancel_then_die_twice()) == [False, True]


def test_a_server_that_is_away_when_the_backend_opens_may_come_later(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    double.die()
    backend = make()
    assert run(backend.open()).models == ()
    assert not run(backend.health()).is_well
    double.start()
    assert run(answer(backend, ask("hello", MODEL))).text == "hello "
    assert run(backend.health()).is_well


def test_no_more_prompts_are_with_the_server_than_there_are_slots(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    backend = make(slots=3)

    async def wait_for_others(exchange: Exchange) -> None:
        await until(lambda: double.most_in_flight >= 3)
        await answer_well(exchange)

    double.faults = {f"say {i}": [wait_for_others] for i in range(12)}

    async def ask_many() -> None:
        await asyncio.gather(*(answer(backend, ask(f"say {i}", MODEL)) for i in range(12)))

    run(ask_many())
    assert (len(double.seen), double.most_in_flight) == (12, 3)


def test_cancelling_is_seen_by_the_server(run: Run, double: OpenAiDouble, make: Make) -> None:
    backend = make()
    double.faults["endless"] = [endless]

    async def cancel() -> None:
        task = asyncio.create_task(answer(backend, ask("endless", MODEL, max_tokens=10**6)))
        await until(lambda: double.in_flight)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not double.in_flight)

    run(cancel())


def test_a_model_that_the_server_does_not_list_is_never_named_to_it(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    backend = make()
    with pytest.raises(RefusedError) as caught:
        run(answer(backend, ask("hello", "mlx-community/huge")))
    assert caught.value.code == ErrorCode.UNKNOWN_MODEL
    double.models = []
    double.faults["gone"] = [status(404)]
    with pytest.raises(RefusedError) as caught:
        run(answer(backend, ask("gone", MODEL)))
    assert caught.value.code == ErrorCode.UNKNOWN_MODEL
    assert [exchange.prompt for exchange in double.seen] == ["gone"]


@pytest.mark.parametrize("behaviour", [status(404), status(405), status(501)])
def test_a_server_without_embeddings_says_so_for_the_job(
    run: Run, double: OpenAiDouble, make: Make, behaviour: Behaviour
) -> None:
    double.faults["text"] = [behaviour]
    with pytest.raises(RefusedError) as caught:
        run(answer(make(), ask("text", MODEL, endpoint="embeddings")))
    assert caught.value.code == ErrorCode.UNSUPPORTED_ENDPOINT


@pytest.mark.parametrize(
    "body", [{}, {"data": []}, {"data": [{"embedding": []}]}, {"data": [{"embedding": ["x"]}]}, []]
)
def test_what_is_no_embedding_is_no_answer(
    run: Run, double: OpenAiDouble, make: Make, body: Any
) -> None:
    double.faults["text"] = [status(200, json.dumps(body).encode())]
    with pytest.raises(RetryNowError):
        run(answer(make(), ask("text", MODEL, endpoint="embeddings")))
