"""How long a server wants to be left alone."""

from email.utils import parsedate_to_datetime

#: Seconds; what says more is not believed.
LONGEST_S = 3600.0


def retry_after_s(header: str, now: float, default: float) -> float:
    """The seconds that a `Retry-After` header asks for, given in seconds or as a date.

    `now` is in seconds since the epoch; `default` is for a header that is empty or says nothing.
    """
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError):
            return default
    # Not a number fails both comparisons.
    return min(max(seconds, 0.0), LONGEST_S) if seconds == seconds else default  # noqa: PLR0124  (NaN)
