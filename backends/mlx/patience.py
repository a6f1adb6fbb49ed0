"""How long an engine may take before it counts as hung. Bigger models get more time."""

#: A cold start of Python and mlx on a slow disk.
_START_S = 120.0
#: The slowest disk that weights are read from.
_LOAD_BYTES_PER_S = 100e6
#: Between two signs of life lies at most one piece of the prompts, some thousand tokens. An M1
#: Ultra reads those in about 0.7 s for each GB of weights; this leaves room for long contexts.
_PREFILL_S_PER_BYTE = 3 / 1e9


def load_limit_s(size: int) -> float:
    """Seconds that starting a child and loading `size` bytes of weights may take."""
    return _START_S + size / _LOAD_BYTES_PER_S


def silence_limit_s(least_s: float, size: int) -> float:
    """Seconds without a sign of life after which a child with `size` bytes of weights is hung."""
    return max(least_s, size * _PREFILL_S_PER_BYTE)
