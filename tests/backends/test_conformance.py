"""What every backend keeps to, whatever generates behind it."""

import asyncio

import psutil
import pytest

from backends.base import Capabilities
from backends.errors import BackendError, ParkBackendError
from jobs.model import GenerationRequest
from tests.backends.asking import answer, answers, ask, ignore
from tests.backends.conftest import Kind, Run

#: For those that do what `null` leaves out: generate, and look at what they are asked.
GENERATING = pytest.mark.parametrize(
    "kind", ["fake", "mlx", "ollama", "openai"], indirect=True, scope="session"
)


def test_opening_says_what_there_is(capabilities: Capabilities, kind: Kind) -> None:
    assert kind.model in {model.name for model in capabilities.models}
    assert capabilities.slots > 0
    assert not capabilities.may_leave_machine


def test_an_answer_comes_with_its_counts(run: Run, kind: Kind) -> None:
    result = run(answer(kind.backend, ask("say something", kind.model, max_tokens=8)))
    assert result.model == kind.model
    assert result.finish_reason in {"stop", "length"}
    assert result.input_tokens >= 1
    assert 1 <= result.output_tokens <= 8


@GENERATING
def test_max_tokens_ends_an_answer(run: Run, kind: Kind) -> None:
    request = ask("one two three four five", kind.model, max_tokens=3)
    result = run(answer(kind.backend, request))
    assert (result.finish_reason, result.output_tokens) == ("length", 3)


def test_progress_counts_tokens_upwards(run: Run, kind: Kind) -> None:
    counts: list[int] = []
    request = ask("one two three", kind.model, max_tokens=500)
    result = run(kind.backend.generate(request, counts.append))
    assert counts == sorted(counts)
    assert all(0 < count <= result.output_tokens for count in counts)


def test_more_than_the_slots_are_answered_at_once(
    run: Run, capabilities: Capabilities, kind: Kind
) -> None:
    count = 2 * capabilities.slots
    requests = [ask(f"number {i}", kind.model, max_tokens=4) for i in range(count)]
    assert len(run(answers(kind.backend, requests))) == count


@GENERATING
def test_cancelling_frees_the_slots(run: Run, capabilities: Capabilities, kind: Kind) -> None:
    async def cancel_all_then_ask() -> None:
        tasks = [begin(kind) for _ in range(capabilities.slots)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        await answer(kind.backend, ask("next", kind.model, max_tokens=4))

    run(cancel_all_then_ask())


@GENERATING
def test_what_cannot_be_answered_is_a_backend_error(run: Run, kind: Kind) -> None:
    with pytest.raises(BackendError):
        run(answer(kind.backend, ask("hello", "nobody has this model")))


@pytest.mark.parametrize("model", ["nobody has this model", None])
def test_how_it_ends_does_not_quote_the_prompt(run: Run, kind: Kind, model: str | None) -> None:
    async def ask_what_may_be_refused() -> object:
        request = ask("the-code-word " * kind.many_words, model or kind.model)
        [end] = await asyncio.gather(answer(kind.backend, request), return_exceptions=True)
        return end

    assert "code-word" not in repr(run(ask_what_may_be_refused()))


def test_a_backend_that_rests_has_no_process_and_answers_when_asked_again(
    run: Run, kind: Kind
) -> None:
    run(answer(kind.backend, ask("hello", kind.model, max_tokens=4)))

    run(kind.backend.rest())
    run(kind.backend.rest())

    assert processes_of_backends() == []
    assert run(kind.backend.health()).is_well
    assert run(answer(kind.backend, ask("hello", kind.model, max_tokens=4))).model == kind.model


@GENERATING
def test_who_asks_while_it_goes_to_rest_is_answered(run: Run, kind: Kind) -> None:
    async def ask_meanwhile() -> str:
        await answer(kind.backend, ask("hello", kind.model, max_tokens=4))
        resting = asyncio.create_task(kind.backend.rest())
        await asyncio.sleep(0)
        result = await answer(kind.backend, ask("hello", kind.model, max_tokens=4))
        await resting
        return result.model

    assert run(ask_meanwhile()) == kind.model


def test_closing_leaves_nothing_behind(run: Run, kind: Kind) -> None:
    run(answer(kind.backend, ask("hello", kind.model, max_tokens=4)))
    run(kind.backend.close())
    run(kind.backend.close())
    try:
        assert not run(kind.backend.health()).is_well
        with pytest.raises(ParkBackendError):
            run(answer(kind.backend, ask("hello", kind.model, max_tokens=4)))
        assert processes_of_backends() == []
    finally:
        run(kind.backend.open())
    assert run(kind.backend.health()).is_well


@GENERATING
def test_closing_ends_what_is_in_flight(run: Run, kind: Kind) -> None:
    async def close_in_flight() -> None:
        task = begin(kind)
        await asyncio.sleep(0)
        await kind.backend.close()
        with pytest.raises(BackendError):
            await task
        await kind.backend.open()

    run(close_in_flight())


def begin(kind: Kind) -> "asyncio.Task[object]":
    """A generation that does not end by itself."""
    assert isinstance(kind.endless, GenerationRequest)
    return asyncio.create_task(kind.backend.generate(kind.endless, ignore))


def processes_of_backends() -> list[psutil.Process]:
    started = psutil.Process().children(recursive=True)
    return [process for process in started if "backends." in " ".join(process.cmdline())]
