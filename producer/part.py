"""A part of an input, to try things out on before all of it runs."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import TypeVar

from jobs.errors import UsageError

_Row = TypeVar("_Row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The rows that are wanted: the first ones, some by chance, or all where neither is said.

    Raises `UsageError` for a number that cannot be had.
    """

    limit: int | None = None
    sample: int | None = None
    #: The same seed chooses the same rows.
    seed: int = 0

    def __post_init__(self) -> None:
        for name, number in (("limit", self.limit), ("sample", self.sample)):
            if number is not None and number < 1:
                raise UsageError(f"--{name} must be a whole number from 1, not {number}.")
        if self.limit is not None and self.sample is not None:
            raise UsageError("--limit takes the first rows, --sample any: give one of them.")

    def of(self, rows: Callable[[], Iterable[_Row]]) -> Iterator[_Row]:
        """The wanted ones among the rows, in their order; a sample reads them twice.

        A sample stays the same but for few rows when others are added at the end.
        """
        if self.sample is None:
            yield from islice(rows(), self.limit)
            return
        wanted = self._sampled(self.sample, rows())
        for place, row in enumerate(rows()):
            if place in wanted:
                yield row

    def _sampled(self, number: int, rows: Iterable[_Row]) -> frozenset[int]:
        chance = random.Random(self.seed)  # noqa: S311  (to be the same each time)
        drawn = ((chance.random(), place) for place, _ in enumerate(rows))
        return frozenset(place for _, place in nsmallest(number, drawn))
