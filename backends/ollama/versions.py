"""Versions of Ollama, as it says them."""

import re

Version = tuple[int, int, int]

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-rc\d*)?", re.ASCII)


def is_known(version: str) -> bool:
    """Whether it is a release or a candidate, rather than somebody's own build, such as 0.0.0."""
    return _parsed(version) is not None


def is_since(version: str, since: Version) -> bool:
    """Whether it certainly has what came with a release; a candidate of that one may lack it."""
    known = _parsed(version)
    if known is None:
        return False
    numbers, is_candidate = known
    return numbers > since or (numbers == since and not is_candidate)


def _parsed(version: str) -> tuple[Version, bool] | None:
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return None
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    return (numbers, match[4] is not None) if any(numbers) else None
