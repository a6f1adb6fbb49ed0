"""A model and its tokenizer, from a folder on this disk and from nowhere else."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx_lm
import msgspec

from backends.mlx.text import Markers, markers_of


class LoadedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model in memory, ready for the thread that loaded it."""

    model: Any
    #: May be used from any thread.
    tokenizer: Any
    end_tokens: frozenset[int]
    markers: Markers | None


def load_model(folder: Path) -> LoadedModel:
    """Read all weights into memory; raises whatever mlx-lm makes of a folder it cannot use."""
    if mx.default_device() == mx.Device(mx.cpu):
        # On a CPU, compiling starts g++ for seconds and gains nothing that could be measured.
        mx.disable_compile()
    model, tokenizer = mlx_lm.load(
        str(folder), tokenizer_config={"trust_remote_code": False}, trust_remote_code=False
    )[:2]
    # The first call may change settings that the tokenizer's file brings along; from here on it is
    # only read, and threads do not get into each other's way.
    tokenizer.encode("")
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        end_tokens=frozenset(tokenizer.eos_token_ids),
        markers=markers_of(tokenizer),
    )


def is_lasting(error: Exception) -> bool:
    """Whether loading would fail in the same way until somebody changes the model's files."""
    if isinstance(error, RuntimeError):
        # mlx has no class of its own for memory that it did not get.
        return "alloc" not in str(error).lower()
    return isinstance(error, FileNotFoundError) or not isinstance(error, MemoryError | OSError)
