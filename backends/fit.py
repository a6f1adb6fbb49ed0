"""Whether a model goes into the memory of this machine, and who may load it there."""

from enum import StrEnum

#: `auto` takes nothing bigger than this part of memory, the prompts need some too.
AUTO_SHARE = 0.6
#: A model over this part of memory is only loaded for those who name it.
NAMED_SHARE = 0.7


class Fit(StrEnum):
    """How a model fits."""

    #: Small enough for `auto`.
    YES = "yes"
    #: `auto` takes it only if `prefer` says so.
    TIGHT = "tight"
    #: Loaded only for those who name it.
    NAMED_ONLY = "named_only"
    #: Larger than the memory there is.
    NO = "no"
    UNKNOWN = "unknown"


def fit(size: int, memory_bytes: int) -> Fit:
    """How a model of this many bytes fits; 0 is an unknown size."""
    if size <= 0:
        return Fit.UNKNOWN
    if size <= AUTO_SHARE * memory_bytes:
        return Fit.YES
    if size <= NAMED_SHARE * memory_bytes:
        return Fit.TIGHT
    return Fit.NAMED_ONLY if size <= memory_bytes else Fit.NO
