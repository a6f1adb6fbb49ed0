"""From tokens to an answer: decoding, stop texts, and what a reasoning model thought first.

Stop texts are looked for in text, never as token ids: the same text has many tokenisations, and
a model is free to use any of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

Decode = Callable[[Sequence[int]], str]

#: Tokens without text of their own that may stand between those of a stop text.
_MARGIN = 8


class Markers(msgspec.Struct, frozen=True):
    """What a model writes around its reasoning."""

    start: str
    end: str
    #: What it writes before an answer that needed no reasoning.
    answer: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the tokens of a row say."""

    text: str
    reasoning: str | None
    #: Whether a stop text ended it.
    is_stopped: bool


class AnswerReader(msgspec.Struct, frozen=True, kw_only=True):
    """How the answer of one row is read from its tokens."""

    decode: Decode
    stop: tuple[str, ...] = ()
    markers: Markers | None = None
    #: Whether the prompt itself opened the reasoning.
    starts_thinking: bool = False

    def read(self, tokens: Sequence[int]) -> Answer:
        """The answer so far; the end token is not among the tokens."""
        text = self.decode(tokens)
        reasoning, text = split_reasoning(text, self.markers, starts_thinking=self.starts_thinking)
        text, is_stopped = cut_at_stop(text, self.stop)
        return Answer(text=text, reasoning=reasoning, is_stopped=is_stopped)

    def watch(self) -> "StopWatch | None":
        """What looks for the stop texts while the row is generated; None without any."""
        return StopWatch(self) if self.stop else None


class StopWatch:
    """Says after each token whether the answer has come to a stop text.

    Only as many tokens are decoded as the longest stop text can have, so the cost does not grow
    with the answer. Reasoning is passed over: a stop text ends the answer, not the thought.
    """

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self._is_thinking = reader.starts_thinking
        markers = reader.markers
        texts = [*reader.stop, *((markers.start, markers.end) if markers else ())]
        # A token is a byte at least.
        self._window = max(len(text.encode()) for text in texts) + _MARGIN

    def sees_stop(self, tokens: Sequence[int]) -> bool:
        """Whether the newest token completed a stop text; to be called for every token."""
        tail = self._reader.decode(tokens[-self._window :])
        if self._skips_reasoning(tail):
            return False
        return any(text in tail for text in self._reader.stop) and (
            self._reader.read(tokens).is_stopped
        )

    def _skips_reasoning(self, tail: str) -> bool:
        markers = self._reader.markers
        if markers is None:
            return False
        if self._is_thinking:
            self._is_thinking = markers.end not in tail
            return True
        # The end marker stays in the tail for a while, and must not be followed by a start.
        self._is_thinking = markers.start in tail.rpartition(markers.end)[2]
        return self._is_thinking


def split_reasoning(
    text: str, markers: Markers | None, *, starts_thinking: bool
) -> tuple[str | None, str]:
    """What was thought, None if nothing, and the answer that followed.

    A thought without an end is all there is: the answer is empty then.
    """
    if markers is None:
        return None, text
    opened = text.lstrip()
    if opened.startswith(markers.start):
        text = opened[len(markers.start) :]
    elif not starts_thinking:
        return None, _without_prefix(text, markers.answer)
    reasoning, _, answer = text.partition(markers.end)
    return reasoning.strip() or None, answer.lstrip()


def markers_of(tokenizer: Any) -> Markers | None:
    """What this tokenizer's model writes around its reasoning; None if it is not known to."""
    if tokenizer.has_thinking:
        return Markers(tokenizer.think_start, tokenizer.think_end)
    if {"<|channel|>", "<|message|>"} <= tokenizer.get_vocab().keys():
        return Markers(
            "<|channel|>analysis<|message|>",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
            "<|channel|>final<|message|>",
        )
    return None


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stop texts, and whether there was one."""
    places = [place for place in map(text.find, stop) if place >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _without_prefix(text: str, prefix: str) -> str:
    opened = text.lstrip()
    return opened[len(prefix) :] if prefix and opened.startswith(prefix) else text
