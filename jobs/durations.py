"""Durations as people write them: `90s`, `45m`, `8h`, `2d`, `1h30m`."""

import re

#: Seconds. What is longer than ten years is a slip of the pen.
LONGEST_S = 3650 * 86_400.0

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
#: Each unit once at most, the largest first.
_DURATION = re.compile(r"\s*".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS_S), re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds of a duration; more than 0.

    Raises `ValueError` whose message says what was expected, as a part of a sentence.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError(f"expected a duration such as 90s, 45m, 8h, 2d or 1h30m, got `{text}`")
    amounts = zip(found.groups(default="0"), _UNITS_S.values(), strict=True)
    seconds = sum(float(amount) * unit_s for amount, unit_s in amounts)
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"expected a duration of more than 0 s and at most 3650d, got `{text}`")
    return seconds
