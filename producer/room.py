"""How much room rows take in the store, and whether its disk has that."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from jobs.errors import UsageError
from jobs.model import NewJob
from jobs.sizes import size_text
from jobs.store.store import Store
from producer.lines import LineParser
from producer.overrides import Overrides
from producer.part import Part
from producer.reading import Reading

#: What a row takes beside its own texts: its job, keys and indexes. Measured on SQLite, where what
#: does not fill its pages makes it up to a kilobyte more.
ROW_BYTES = 400

#: Rows of a file from which the others are guessed.
LOOKED_AT = 1000

_encode = msgspec.json.Encoder().encode


class Expected(NamedTuple):
    """What an input is expected to come to."""

    rows: float
    #: In the store, without the answers.
    size: float


def room_of(job: NewJob) -> int:
    """Bytes that a row takes in the store, at least; its answer comes to that."""
    return ROW_BYTES + _length(job.row) + _length(job.body)


def shared_room(overrides: Overrides) -> int:
    """Bytes of what the request of every row says again: system, example turns and schema."""
    turns = sum(_length(turn.content) for turn in overrides.turns or ())
    schema = 0 if overrides.schema is None else len(_encode(overrides.schema))
    return _length(overrides.system) + turns + schema


def refuse_without_room(store: Store, reading: Reading, parser: LineParser, part: Part) -> None:
    """Raise `UsageError` where the store's disk cannot hold the rows that are wanted.

    Guessed from the first rows of each file, and rather too low than too high.
    """
    free = store.free_bytes()
    if free is None:
        return
    expected = _part_of(expected_of(reading, parser), part)
    if expected > free:
        raise UsageError(
            f"The rows take about {size_text(round(expected))} in the store, and its disk has"
            f" {size_text(free) if free else 'nothing'} free. Make room, let NIGHTMILL_DATA_DIR"
            " name a folder on a larger disk, or run a part of them with --limit; --dry-run tells"
            " what takes the room."
        )


def expected_of(reading: Reading, parser: LineParser) -> Expected:
    """What all rows of the input come to, wanted or not."""
    found = list(_by_file(reading, parser))
    return Expected(sum(each.rows for each in found), sum(each.size for each in found))


def _by_file(reading: Reading, parser: LineParser) -> Iterator[Expected]:
    for number, source in enumerate(reading.sources):
        rows = list(islice(reading.rows_of(number), LOOKED_AT))
        size = sum(room_of(parser.parse(row.line, row.place)) for row in rows)
        read = sum(len(row.line.data) + 1 for row in rows)
        # Rows of a table are read as longer ones than they are: that makes it fewer.
        times = max(1.0, source.size / read) if len(rows) == LOOKED_AT else 1.0
        yield Expected(len(rows) * times, size * times)


def _part_of(expected: Expected, part: Part) -> float:
    wanted = part.limit or part.sample
    if wanted is None or wanted >= expected.rows:
        return expected.size
    return expected.size * wanted / expected.rows


def _length(text: str | None) -> int:
    return 0 if text is None else len(text.encode())
