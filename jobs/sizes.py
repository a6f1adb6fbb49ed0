"""Sizes in bytes as people read them."""

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "bytes"))
_FRACTIONS_UP_TO = 10


def size_text(size: int) -> str:
    """Bytes for people: `4.3 GB`; 0 is unknown."""
    if size <= 0:
        return "size unknown"
    unit, name = next((unit, name) for unit, name in _UNITS if size >= unit)
    count = size / unit
    text = f"{count:.1f}".removesuffix(".0") if count < _FRACTIONS_UP_TO else f"{count:.0f}"
    return f"{text} {name}"
