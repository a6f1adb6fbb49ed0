"""Numbers and amounts as people read them."""

from collections.abc import Collection, Iterable, Iterator, Sequence

MINUTE = 60
HOUR = 60 * MINUTE
#: From here on a fraction says nothing.
MANY = 100


def count(number: int, noun: str) -> str:
    """`1 row`, `300 rows`, `1,000,000 rows`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def batches(number: int) -> str:
    """`1 batch`, `3 batches`."""
    return f"{number:,} {'batch' if number == 1 else 'batches'}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `7 h 05 min`."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"


def rate(per_s: float) -> str:
    """`0.04`, `7.3`, `1,240`: as many digits as tell something."""
    if per_s >= MANY:
        return f"{per_s:,.0f}"
    return f"{per_s:.1f}" if per_s >= 1 else f"{per_s:.2g}"


def table(rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Lines with the cells of each column below one another; `right` are columns of numbers."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
