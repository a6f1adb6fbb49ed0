"""The fake plays its script: others build their tests on it."""

import asyncio
import math
from typing import Any

import msgspec
import pytest

from backends.errors import ParkBackendError, RefusedError, RetryNowError
from backends.fake import FakeBackend, Script
from jobs.model import Message
from tests.backends.asking import answer, answers, ask, ignore
from tests.backends.conftest import Run


def fake(run: Run, slots: int = 4, **script: Any) -> FakeBackend:
    backend = FakeBackend(Script(**script), slots)
    run(backend.open())
    return backend


def test_a_prompt_gets_its_answer_or_itself(run: Run) -> None:
    backend = fake(run, answers={"two and two": "four"})
    assert run(answer(backend, ask("two and two", "fake"))).text == "four"
    assert run(answer(backend, ask("something else", "fake"))).text == "something else"


def test_words_are_tokens(run: Run) -> None:
    result = run(answer(fake(run), ask("one two three", "fake")))
    assert (result.input_tokens, result.output_tokens, result.finish_reason) == (3, 3, "stop")


def test_max_tokens_and_stop_texts_cut(run: Run) -> None:
    backend = fake(run)
    cut = run(answer(backend, ask("one two three", "fake", max_tokens=2)))
    assert (cut.text, cut.finish_reason, cut.output_tokens) == ("one two", "length", 2)
    stopped = run(answer(backend, ask("one two three", "fake", stop=("two",))))
    assert (stopped.text, stopped.finish_reason) == ("one ", "stop")


def test_faults_come_attempt_by_attempt(run: Run) -> None:
    backend = fake(run, faults={"odd": (RetryNowError("first"), RefusedError("second"))})
    with pytest.raises(RetryNowError, match="first"):
        run(answer(backend, ask("odd", "fake")))
    with pytest.raises(RefusedError, match="second"):
        run(answer(backend, ask("odd", "fake")))
    assert run(answer(backend, ask("odd", "fake"))).text == "odd"
    assert len(backend.seen) == 3


def test_it_counts_what_was_in_flight_at_once(run: Run) -> None:
    backend = fake(run, delay_s=0.01)
    run(answers(backend, [ask(f"number {i}", "fake") for i in range(3)]))
    assert (backend.in_flight, backend.most_in_flight) == (0, 3)


def test_an_endless_answer_ends_when_it_is_cancelled(run: Run) -> None:
    backend = fake(run, delays={"endless": math.inf})

    async def cancel() -> None:
        task = asyncio.create_task(backend.generate(ask("endless", "fake"), ignore))
        await asyncio.sleep(0)
        assert backend.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())
    assert backend.in_flight == 0


def test_it_answers_only_while_it_is_open_and_only_for_its_models(run: Run) -> None:
    with pytest.raises(ParkBackendError):
        run(answer(FakeBackend(), ask("hello", "fake")))
    with pytest.raises(RefusedError):
        run(answer(fake(run), ask("hello", "other")))


def test_several_answers_to_a_prompt_come_one_after_the_other(run: Run) -> None:
    backend = fake(run, answers={"mood": ("so-so", "good")})
    assert run(answer(backend, ask("mood", "fake"))).text == "so-so"

    first = ask("mood", "fake")
    turns = (*first.messages, Message("assistant", "so-so"), Message("user", "One of good, bad."))
    goes_on = msgspec.structs.replace(first, messages=turns)

    assert run(answer(backend, goes_on)).text == "good"
    assert run(answer(backend, goes_on)).text == "good"


def test_the_same_text_is_always_the_same_vector(run: Run) -> None:
    backend = fake(run)
    first, again, other = (
        run(answer(backend, ask(text, "fake", endpoint="embeddings"))) for text in "aab"
    )
    assert first == again
    assert first.form == "vector"
    assert first.text != other.text
