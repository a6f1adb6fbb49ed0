"""Sizes in bytes as people read and write them."""

import re

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "bytes"))
_FRACTIONS_UP_TO = 10
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(TB|GB|MB|KB|bytes)?", re.ASCII | re.IGNORECASE)
_BY_NAME = {"tb": 1e12, "": 1.0} | {name.lower(): unit for unit, name in _UNITS}


def parse_size(text: str) -> int:
    """Bytes of a size such as `500 MB`; a number without a unit is bytes.

    Raises `ValueError` whose message says what was expected, as a part of a sentence.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a size such as 500 MB or 2 GB, got `{text}`")
    return round(float(found[1]) * _BY_NAME[(found[2] or "").lower()])


def size_text(size: int) -> str:
    """Bytes for people: `4.3 GB`; 0 is unknown."""
    if size <= 0:
        return "size unknown"
    unit, name = next((unit, name) for unit, name in _UNITS if size >= unit)
    count = size / unit
    text = f"{count:.1f}".removesuffix(".0") if count < _FRACTIONS_UP_TO else f"{count:.0f}"
    return f"{text} {name}"
