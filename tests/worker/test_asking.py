"""Asking once more for an answer that does not fit: real stores, a scripted backend."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from backends.base import OnProgress
from backends.errors import AlterAndRetryError, RefusedError, RetryNowError
from backends.fake import FakeBackend, Script
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult, Message
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.test_pipeline import run, states
from tests.worker.world import POOL, ask, hand_out, submit
from worker.asking import altered
from worker.fitting.checker import Checker
from worker.tally import Tally

MOOD = {"properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
WORDS = {"type": "string", "enum": ["good", "bad"]}


def answering(*answers: str, **script: Any) -> FakeBackend:
    return FakeBackend(Script(answers={"how": answers}, **script))


def recorded(store: Store) -> list[tuple[Any, ...]]:
    return ask(
        store,
        "SELECT r.state, r.text, r.form, r.input_tokens, r.output_tokens, r.error_code"
        " FROM results r JOIN jobs j ON j.id = r.job_id ORDER BY j.line",
    )


def messages_of(backend: FakeBackend) -> Sequence[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in backend.seen[-1].messages]


def test_an_answer_that_fits_is_recorded_as_json(store: Store, start_host: StartHost) -> None:
    submit(store, ["how"], schema=MOOD)
    backend = answering('```json\n{"mood": "good"}\n```')

    run(start_host(store, backend), hand_out(store))

    assert recorded(store) == [("succeeded", '{"mood":"good"}', "json", 1, 4, None)]
    assert len(backend.seen) == 1


def test_a_word_is_recorded_as_text(store: Store, start_host: StartHost) -> None:
    submit(store, ["how"], schema=WORDS)

    run(start_host(store, answering(' "bad"\n')), hand_out(store))

    assert recorded(store) == [("succeeded", "bad", "text", 1, 1, None)]


def test_what_does_not_fit_is_asked_for_once_more_in_the_same_attempt(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], schema=MOOD)
    backend = answering('{"mood": "fair"}', '{"mood": "bad"}')

    run(start_host(store, backend), hand_out(store))

    *before, last = messages_of(backend)
    assert before == [("user", "how"), ("assistant", '{"mood": "fair"}')]
    assert last[0] == "user"
    assert '/mood: not one of "good", "bad"' in last[1]
    assert backend.seen[-1].schema == MOOD
    assert ask(store, "SELECT attempt, outcome FROM attempts") == [(1, "succeeded")]
    [(*_, input_tokens, output_tokens, _error)] = recorded(store)
    first, second = backend.seen
    words = [sum(len(turn.content.split()) for turn in r.messages) for r in (first, second)]
    assert (input_tokens, output_tokens) == (sum(words), 4)


def test_a_second_misfit_fails_the_job_and_quotes_nothing(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how", "fine"], schema=MOOD)
    script = {"how": ("canary one", '{"mood": "canary"}'), "fine": '{"mood": "good"}'}
    backend = FakeBackend(Script(answers=script))

    run(start_host(store, backend), hand_out(store))

    failed, fine = recorded(store)
    assert failed[:3] == ("failed", None, "text")
    assert failed[5] == "schema_mismatch"
    assert failed[4] == 4
    assert fine[0] == "succeeded"
    [(message,)] = ask(store, "SELECT error_message FROM results WHERE state = 'failed'")
    assert message.startswith(ErrorCode.SCHEMA_MISMATCH.sentence)
    assert '/mood: not one of "good", "bad".' in message
    assert "canary" not in message
    assert ask(store, "SELECT errors, attempt FROM jobs ORDER BY line") == [(0, 1), (0, 1)]


def test_a_cut_answer_is_a_misfit_that_says_so(store: Store, start_host: StartHost) -> None:
    submit(store, ["how"], schema=MOOD, max_tokens=2)

    run(start_host(store, answering('{"mood": "good", "why": "because"}')), hand_out(store))

    [(message,)] = ask(store, "SELECT error_message FROM results")
    assert "it was cut at 2 tokens" in message


def test_a_cut_answer_that_fits_is_a_success_marked_as_cut(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], schema=WORDS, max_tokens=1)

    run(start_host(store, answering("good I think")), hand_out(store))

    assert ask(store, "SELECT text, finish_reason FROM results") == [("good", "length")]


class RefusingTheSecond(FakeBackend):
    """Has no room for a conversation that goes on."""

    error: Exception = RefusedError("The prompt has 9 tokens.", ErrorCode.PROMPT_TOO_LONG)

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        if len(request.messages) > 1:
            raise self.error
        return await super().generate(request, on_progress)


class BreakingOffTheSecond(RefusingTheSecond):
    error = RetryNowError("The connection was cut.")


def test_when_there_is_no_room_to_ask_again_the_misfit_is_what_counts(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], schema=MOOD)

    run(start_host(store, RefusingTheSecond()), hand_out(store))

    [(code, message, tokens)] = ask(
        store, "SELECT error_code, error_message, output_tokens FROM results"
    )
    assert code == "schema_mismatch"
    assert "not one JSON value" in message
    assert "asked once more: The prompt has 9 tokens." in message
    assert tokens == 1


def test_a_blip_while_asking_again_is_a_blip(store: Store, start_host: StartHost) -> None:
    submit(store, ["how"], schema=MOOD)

    run(start_host(store, BreakingOffTheSecond()), hand_out(store))

    assert ask(store, "SELECT state, errors FROM jobs") == [("pending", 1)]


class ThinkingOnly(FakeBackend):
    """Has thoughts, and an answer to what is said first only."""

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        result = await super().generate(request, on_progress)
        text = result.text if request.schema and len(self.seen) == 1 else ""
        return msgspec.structs.replace(result, text=text, reasoning="canary")


def test_thoughts_without_an_answer_fail_the_job_at_once(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"])
    backend = ThinkingOnly()

    run(start_host(store, backend), hand_out(store))

    [(code, message)] = ask(store, "SELECT error_code, error_message FROM results")
    assert code == "no_answer"
    assert message == f"{ErrorCode.NO_ANSWER.sentence} {ErrorCode.NO_ANSWER.way_out}"
    assert len(backend.seen) == 1


def test_thoughts_without_an_answer_when_asked_again_leave_it_at_the_misfit(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], schema=MOOD)

    run(start_host(store, ThinkingOnly()), hand_out(store))

    [(code, message)] = ask(store, "SELECT error_code, error_message FROM results")
    assert code == "schema_mismatch"
    assert f"asked once more: {ErrorCode.NO_ANSWER.sentence}" in message


STUCK = AlterAndRetryError("It repeats itself. Choose another model.", "seed")


def test_a_request_that_is_stuck_is_altered_once_in_the_same_attempt(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], seed=7)
    backend = FakeBackend(Script(faults={"how": (STUCK,)}))

    run(start_host(store, backend), hand_out(store))

    first, second = backend.seen
    assert (second.seed, second.temperature) == (6, 0.5)
    assert second.messages == first.messages
    assert recorded(store)[0][:2] == ("succeeded", "how")
    assert ask(store, "SELECT errors, attempt FROM jobs") == [(0, 1)]


@pytest.mark.parametrize(
    ("faults", "times"),
    [((STUCK,) * 9, 2), ((AlterAndRetryError(str(STUCK), "a new moon"),) * 9, 1)],
    ids=["altering it was not enough", "nobody knows how to alter it so"],
)
def test_a_request_that_stays_stuck_is_refused(
    *, store: Store, start_host: StartHost, faults: tuple[AlterAndRetryError, ...], times: int
) -> None:
    submit(store, ["how"])
    backend = FakeBackend(Script(faults={"how": faults}))

    run(start_host(store, backend), hand_out(store))

    assert len(backend.seen) == times
    assert ask(store, "SELECT error_code, error_message FROM results") == [("refused", str(STUCK))]


@pytest.mark.parametrize(
    ("seed", "temperature", "warmer"), [(None, 0.0, 0.5), (0, 0.2, 0.5), (2**63 - 1, 1.5, 1.5)]
)
def test_an_altered_request_has_another_seed_and_is_never_colder(
    seed: int | None, temperature: float, warmer: float
) -> None:
    request = GenerationRequest(
        model="m", messages=(Message("user", "hi"),), seed=seed, temperature=temperature
    )

    other = altered(request, "seed")

    assert other is not None
    assert other.temperature == warmer
    # Without a seed each generation has one of its own.
    assert (other.seed is None) if seed is None else (other.seed != seed)
    assert other.seed is None or 0 <= other.seed < 2**63


def test_a_pattern_that_would_run_for_ever_fails_its_row_and_no_other(
    store: Store, start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.host.Checker", partial(Checker, 0.05))
    host = start_host(store, FakeBackend())
    submit(store, ['"' + "a" * 60 + '!"'], schema={"pattern": "^(a+)+$"})
    submit(store, ['"x"', "1"], schema={})

    run(host, hand_out(store))

    assert sorted(states(store)) == ["failed", "succeeded", "succeeded"]
    assert ask(store, "SELECT error_code FROM results WHERE state = 'failed'") == [
        ("invalid_schema",)
    ]


def test_a_vector_is_recorded_as_one(store: Store, start_host: StartHost) -> None:
    submit(store, ["how"], endpoint="embeddings")

    run(start_host(store, FakeBackend()), hand_out(store))

    [(state, text, form, *_)] = recorded(store)
    assert (state, form) == ("succeeded", "vector")
    assert text.startswith("[")


def test_a_job_handed_back_in_the_middle_of_its_check_is_as_if_it_had_not_begun(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["how"], schema={"pattern": "^(a+)+$"})
    backend = answering('"' + "a" * 60 + '!"')
    host = start_host(store, backend, grace_s=0)
    pack = host.run_pack(hand_out(store), Tally(POOL, 1))
    eventually(lambda: backend.seen, "the question")

    host.close()

    assert pack.done()
    assert states(store) == ["pending"]
