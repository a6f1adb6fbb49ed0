"""Fitting a conversation into a window: the silent way and the honest one. A word is a token."""

from typing import Any

from tests.doubles.ollama import says
from tests.doubles.ollama.options import NUM_KEEP

#: What a chat template puts around each turn.
TURN_TOKENS = 3


def count(text: str) -> int:
    """Tokens of a text."""
    return len(text.split())


def fit(messages: list[dict[str, Any]], num_ctx: int, *, truncate: bool, engine: str) -> int:
    """Tokens of the conversation as the model gets to see it; an error where that is asked for."""
    tokens = _tokens(messages)
    if tokens < num_ctx:
        return tokens
    if not truncate:
        raise says.too_long(engine, tokens, num_ctx)
    kept = list(messages)
    while len(kept) > 1 and _tokens(kept) >= num_ctx:
        oldest = next((i for i, turn in enumerate(kept[:-1]) if turn["role"] != "system"), None)
        if oldest is None:
            break
        del kept[oldest]
    tokens = _tokens(kept)
    if tokens < num_ctx:
        return tokens
    # Even the last turn alone is too long: its head and some of its tail remain, a window full with
    # its own engine (seen on 0.17.7 and 0.20.2), about half of one with llama-server.
    return num_ctx if engine == "ollama" else NUM_KEEP + num_ctx // 2


def _tokens(messages: list[dict[str, Any]]) -> int:
    return sum(count(turn["content"]) + TURN_TOKENS for turn in messages)
