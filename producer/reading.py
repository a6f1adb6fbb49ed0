"""One reading of all files of an input, row by row."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from jobs.errors import InputError
from jobs.model import InputFile
from producer.inputs import Input
from producer.jsonl import refuse_others
from producer.lines import Place
from producer.naming import named
from producer.plan import SubmitPlan
from producer.raw import Line
from producer.reader import read_rows
from producer.source import Source


class Row(NamedTuple):
    """A row of the input, and the file that it is in."""

    line: Line
    place: Place


class Reading:
    """The files of a plan, read as often as needed and in their order.

    `known` are the files of the batch that the plan goes on with. Raises `InputError` for a file
    that cannot be read at all.
    """

    def __init__(self, plan: SubmitPlan, known: Sequence[InputFile] = ()) -> None:
        self.sources = [Source(given.path, given.name) for given in plan.inputs]
        if not any(source.size for source in self.sources):
            raise InputError(f"{plan.source} is empty. Put one row a line into it.")
        for given, source in zip(plan.inputs, self.sources, strict=True):
            if given.is_guessed:
                refuse_others(source, given.encoding)
        self._inputs = plan.inputs
        self._part = plan.part
        self._needed = plan.overrides.columns()
        self._files = named(plan.inputs, known)
        #: For each file that was begun: the lines before it.
        self._offsets: dict[int, int] = {}

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The files as a batch keeps them."""
        return tuple(
            msgspec.structs.replace(file, offset=self._offsets.get(number))
            for number, file in enumerate(self._files)
        )

    @property
    def title(self) -> str:
        """What people call the batch where they give it no name."""
        first, *others = self._files
        return f"{first.name} and {len(others)} more" if others else first.name

    @property
    def bytes_read(self) -> int:
        """Bytes that were read so far."""
        return sum(source.bytes_read for source in self.sources)

    def rows(self) -> Iterator[Row]:
        """The rows that are wanted, in their order."""
        return self._part.of(self._all_rows)

    def rows_of(self, number: int, offset: int = 0) -> Iterator[Row]:
        """The rows of one file, wanted or not."""
        given = self._inputs[number]
        place = Place(offset, self._files[number].ids, given.format == "text")
        for line in read_rows(self.sources[number], given, self._needed):
            yield Row(line, place)

    def hash(self) -> str | None:
        """What the input is known by, and how it was read; None where only its beginning was."""
        if self._part.limit is not None:
            # To read a few rows of a large file should take no longer than that.
            return None
        known_by = [_known_by(*each) for each in zip(self._inputs, self.sources, strict=True)]
        if self._part.sample is not None:
            known_by.append(f"{self._part.sample} of them by {self._part.seed}")
        return hashlib.blake2b("\n".join(known_by).encode(), digest_size=32).hexdigest()

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the files: the columns that are in none of their rows."""
        notes = []
        for given, source in zip(self._inputs, self.sources, strict=True):
            if given.format == "parquet" and (columns := _left_out(source)):
                notes.append(f"{source.name}: left out, being bytes: {', '.join(columns)}")
        return tuple(notes)

    def changed(self) -> str | None:
        """The name of a file that was written to since it was first looked at."""
        return next((source.name for source in self.sources if source.has_changed()), None)

    def _all_rows(self) -> Iterator[Row]:
        before = 0
        for number in range(len(self._inputs)):
            self._offsets[number] = last = before
            for row in self.rows_of(number, before):
                last = before + row.line.number
                yield row
            before = last


def _left_out(source: Source) -> tuple[str, ...]:
    # Arrow takes half a second and 50 MB.
    from producer.parquet import left_out

    return left_out(source)


def _known_by(given: Input, source: Source) -> str:
    return f"{source.hash} {given.format} {given.encoding}"
