"""What the mlx backend answers: the same as mlx-lm alone, whoever else is in the batch."""

import asyncio
from pathlib import Path

import pytest

from backends.errors import RefusedError
from backends.mlx.front import MlxBackend
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult, Message
from tests.backends.asking import answer, answers, ask, begun
from tests.backends.conftest import Run

TEXTS = ["a", "the quick brown fox", "jumps over the lazy dog and runs home " * 4, "sleep a while"]


def test_a_batch_answers_like_one_alone(run: Run, mlx: MlxBackend) -> None:
    requests = [ask(text, "babbler", max_tokens=20 + 7 * i) for i, text in enumerate(TEXTS * 2)]
    alone = [run(answer(mlx, request)) for request in requests]
    assert run(answers(mlx, requests)) == alone
    assert len({result.text for result in alone}) == len(requests)


def test_it_answers_like_mlx_lm(run: Run, mlx: MlxBackend, models_dir: Path) -> None:
    import mlx_lm

    model, tokenizer = mlx_lm.load(str(models_dir / "babbler"))[:2]
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True
        )
        for text in TEXTS
    ]
    expected = mlx_lm.batch_generate(model, tokenizer, prompts, max_tokens=24)
    results = run(answers(mlx, [ask(text, "babbler", max_tokens=24) for text in TEXTS]))
    assert [result.text for result in results] == expected.texts
    assert [result.input_tokens for result in results] == [len(prompt) for prompt in prompts]


def test_a_seed_gives_the_same_answer_whoever_is_beside_it(run: Run, mlx: MlxBackend) -> None:
    seeded = ask("hello", "babbler", max_tokens=32, temperature=4.0, top_p=0.9, seed=7)
    others = [
        ask(text, "babbler", max_tokens=40, temperature=1.0 + i / 2, seed=i if i % 2 else None)
        for i, text in enumerate(TEXTS)
    ]
    alone = run(answer(mlx, seeded))
    assert run(answers(mlx, [*others, seeded]))[-1] == alone
    assert run(answers(mlx, [seeded, *others[:1]]))[0] == alone


def test_another_seed_gives_another_answer(run: Run, mlx: MlxBackend) -> None:
    requests = [
        ask("hello", "babbler", max_tokens=32, temperature=4.0, seed=seed) for seed in range(4)
    ]
    assert len({result.text for result in run(answers(mlx, requests))}) == len(requests)


def test_temperature_draws_and_nothing_is_greedy(run: Run, mlx: MlxBackend) -> None:
    hot = [ask("hello", "babbler", max_tokens=32, temperature=4.0) for _ in range(3)]
    assert len({result.text for result in run(answers(mlx, hot))}) == len(hot)
    greedy = ask("hello", "babbler", max_tokens=32)
    narrow = ask("hello", "babbler", max_tokens=32, temperature=4.0, top_p=0.0)
    assert run(answer(mlx, narrow)) == run(answer(mlx, greedy))


def test_stop_texts_end_the_answer_however_they_are_tokenised(run: Run, mlx: MlxBackend) -> None:
    whole = run(answer(mlx, ask("hello", "babbler", max_tokens=200))).text
    stops = stops_within(whole)
    assert len(stops) >= 5
    requests = [ask("hello", "babbler", max_tokens=200, stop=(stop, "nowhere")) for stop in stops]
    for stop, result in zip(stops, run(answers(mlx, requests)), strict=True):
        assert result.text == whole.partition(stop)[0]
        assert result.finish_reason == "stop"
        assert result.output_tokens < 200


def stops_within(text: str) -> list[str]:
    """Pieces of a text at all kinds of places, so also with ends in the middle of tokens."""
    words = [word for word in text[20:].split("\ufffd") if len(word) >= 5 and word.isprintable()]
    return [word[1:4] for word in words][:8]


def test_a_prompt_beyond_the_context_is_refused_with_the_numbers(run: Run, mlx: MlxBackend) -> None:
    with pytest.raises(RefusedError, match=r"\d+ tokens and max_tokens is 4000.* 4096") as caught:
        run(answer(mlx, ask("hello " * 100, "babbler", max_tokens=4000)))
    assert caught.value.code == ErrorCode.PROMPT_TOO_LONG


def test_what_the_chat_template_refuses_is_refused(run: Run, mlx: MlxBackend) -> None:
    messages = (Message("system", "forbidden"), Message("user", "hello"))
    with pytest.raises(RefusedError, match="System role not supported"):
        run(answer(mlx, GenerationRequest(model="babbler", messages=messages)))


def test_half_a_surrogate_pair_is_refused(run: Run, mlx: MlxBackend) -> None:
    with pytest.raises(RefusedError) as caught:
        run(answer(mlx, ask("half \ud83d", "babbler")))
    assert caught.value.code == ErrorCode.UNSTORABLE_TEXT


def test_a_model_that_nobody_has_is_unknown(run: Run, mlx: MlxBackend) -> None:
    with pytest.raises(RefusedError, match=r"no model nowhere in .*models") as caught:
        run(answer(mlx, ask("hello", "nowhere")))
    assert caught.value.code == ErrorCode.UNKNOWN_MODEL


def test_cancelling_one_leaves_the_others(run: Run, mlx: MlxBackend) -> None:
    async def cancel_one() -> tuple[GenerationResult, GenerationResult]:
        request = ask("hello", "babbler", max_tokens=300)
        expected = await answer(mlx, request)
        doomed = await begun(mlx, ask("on and on", "babbler", max_tokens=4000))
        beside = asyncio.create_task(answer(mlx, request))
        doomed.cancel()
        return expected, await beside

    expected, result = run(cancel_one())
    assert result == expected
    assert run(mlx.health()).silent_s is None


def test_health_says_how_long_ago_the_last_token_was(run: Run, mlx: MlxBackend) -> None:
    async def health_in_flight() -> float | None:
        task = await begun(mlx, ask("on and on", "babbler", max_tokens=4000))
        health = await mlx.health()
        task.cancel()
        return health.silent_s

    silent_s = run(health_in_flight())
    assert silent_s is not None
    assert 0 <= silent_s < 30
