"""Which token comes next: one sampler object for all rows that want the same, one per seed."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import mlx.core as mx
import msgspec
from mlx_lm.sample_utils import apply_top_p, greedy_sampler, make_sampler

Sampler = Callable[[mx.array], mx.array]

#: Below this temperature only the likeliest token is ever drawn, unless half precision overflows.
_COLD = 1e-3


class Sampling(msgspec.Struct, frozen=True):
    """How a row wants its tokens drawn; the fields mean what they mean in a request."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


class Samplers:
    """The samplers of one engine.

    A step draws for all rows in one call as long as they hold the very same object, and row by
    row otherwise: hence one object for equal wishes.
    """

    def __init__(self) -> None:
        self._shared = lru_cache(maxsize=256)(make_sampler)

    def of(self, sampling: Sampling) -> Sampler:
        """The sampler of a row. Call it in the engine's thread: a seed makes arrays."""
        if sampling.temperature < _COLD or sampling.top_p == 0:
            return greedy_sampler
        if sampling.seed is None:
            return self._shared(sampling.temperature, sampling.top_p)
        return _seeded(sampling.temperature, sampling.top_p, sampling.seed)


def _seeded(temperature: float, top_p: float, seed: int) -> Sampler:
    """A sampler with randomness of its own, so that neighbours cannot change what it draws."""
    key: Any = mx.random.key(seed % (1 << 64))

    def draw(logprobs: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        kept = apply_top_p(logprobs, top_p) if top_p < 1 else logprobs
        return mx.random.categorical(kept * (1 / temperature), key=now)

    return draw
