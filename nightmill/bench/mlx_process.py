"""mlx-lm alone, as a process of its own: one call of `batch_generate`. Started by the engine bench.

It gets the very token ids that our side makes of the same requests. Reading the model, making
the ids and a first short call are not counted.
"""

import sys
import time
from pathlib import Path

import msgspec

from jobs.model import GenerationRequest


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to generate, and how much of it at once."""

    folder: str
    requests: tuple[GenerationRequest, ...]
    slots: int


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What it took."""

    tokens: int
    seconds: float


def main() -> None:
    """Generate what standard input says."""
    # Here, because the bench itself must not bring MLX into its process.
    from mlx_lm import batch_generate

    from backends.mlx.loading import load_model
    from backends.mlx.prompts import render

    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    loaded = load_model(Path(spec.folder))
    prompts = [
        render(loaded.tokenizer, request, context=0, markers=loaded.markers).ids
        for request in spec.requests
    ]
    limits = [request.max_tokens for request in spec.requests]

    def generate(rows: int) -> int:
        response = batch_generate(
            loaded.model,
            loaded.tokenizer,
            prompts[:rows],
            max_tokens=limits[:rows],
            completion_batch_size=spec.slots,
            prefill_batch_size=min(8, spec.slots),
        )
        return int(response.stats.generation_tokens)

    generate(spec.slots)
    began = time.perf_counter()
    tokens = generate(len(prompts))
    took = Took(tokens=tokens, seconds=time.perf_counter() - began)
    sys.stdout.buffer.write(msgspec.json.encode(took))


if __name__ == "__main__":
    main()
