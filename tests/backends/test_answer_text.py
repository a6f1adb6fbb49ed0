"""From tokens to answers. A token here is one character: decoding is joining them."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.mlx.text import AnswerReader, Markers, cut_at_stop, markers_of, split_reasoning

THINK = Markers("<think>", "</think>")
HARMONY = markers_of(
    SimpleNamespace(has_thinking=False, get_vocab=lambda: {"<|channel|>": 1, "<|message|>": 2})
)


def decode(tokens: Sequence[int]) -> str:
    return "".join(map(chr, tokens))


def reader(*stop: str, markers: Markers | None = None, thinking: bool = False) -> AnswerReader:
    return AnswerReader(decode=decode, stop=stop, markers=markers, starts_thinking=thinking)


def tokens_until_stop(reader: AnswerReader, text: str) -> int | None:
    """After how many tokens the watch sees a stop text; None if it never does."""
    watch = reader.watch()
    assert watch is not None
    tokens = [*map(ord, text)]
    counts = range(1, len(tokens) + 1)
    return next((count for count in counts if watch.sees_stop(tokens[:count])), None)


@pytest.mark.parametrize(
    ("text", "thinking", "reasoning", "answer"),
    [
        ("plain", False, None, "plain"),
        ("<think>\nwhy\n</think>\n\nyes", False, "why", "yes"),
        ("\n<think>why</think>yes", False, "why", "yes"),
        ("why</think>\n\nyes", True, "why", "yes"),
        ("<think>\n\n</think>\n\nyes", False, None, "yes"),
        ("<think>why and", False, "why and", ""),
        ("why and", True, "why and", ""),
        ("  yes, <think> is a word", False, None, "  yes, <think> is a word"),
    ],
)
def test_reasoning_is_split_off(
    text: str, thinking: bool, reasoning: str | None, answer: str
) -> None:
    assert split_reasoning(text, THINK, starts_thinking=thinking) == (reasoning, answer)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        (
            "<|channel|>analysis<|message|>why<|end|>"  # noqa: ISC004  (one text)
            "<|start|>assistant<|channel|>final<|message|>yes",
            "why",
            "yes",
        ),
        ("<|channel|>final<|message|>yes", None, "yes"),
        ("<|channel|>analysis<|message|>why", "why", ""),
    ],
)
def test_reasoning_in_channels_is_split_off(text: str, reasoning: str | None, answer: str) -> None:
    assert split_reasoning(text, HARMONY, starts_thinking=False) == (reasoning, answer)


def test_a_model_that_does_not_reason_keeps_its_text() -> None:
    assert split_reasoning("<think>a</think>b", None, starts_thinking=False)[1].startswith("<th")
    assert markers_of(SimpleNamespace(has_thinking=False, get_vocab=dict)) is None


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ((), ("a b\nc", False)),
        (("x",), ("a b\nc", False)),
        (("\n",), ("a b", True)),
        (("c", "b\n"), ("a ", True)),
        (("a",), ("", True)),
    ],
)
def test_the_first_stop_text_cuts(stop: tuple[str, ...], expected: tuple[str, bool]) -> None:
    assert cut_at_stop("a b\nc", stop) == expected


def test_without_stop_texts_nothing_is_watched() -> None:
    assert reader().watch() is None


@given(
    st.text("abc<>", max_size=60), st.lists(st.text("abc<>", min_size=1, max_size=4), min_size=1)
)
def test_the_watch_sees_a_stop_text_with_the_token_that_completes_it(
    text: str, stop: list[str]
) -> None:
    ends = [place + len(one) for one in stop if (place := text.find(one)) >= 0]
    assert tokens_until_stop(reader(*stop), text) == min(ends, default=None)


@pytest.mark.parametrize("opened", [True, False])
def test_a_stop_text_in_the_reasoning_does_not_end_the_answer(opened: bool) -> None:
    thought = ("" if opened else "<think>") + "first.\nsecond.\n" * 20 + "</think>"
    one = reader("\n", markers=THINK, thinking=opened)
    text = thought + "yes\nno"
    assert tokens_until_stop(one, text) == len(thought) + len("yes\n")
    answer = one.read([*map(ord, text)])
    assert (answer.text, answer.is_stopped) == ("yes", True)
