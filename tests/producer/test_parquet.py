"""Parquet as it is read: its values as JSON, its bytes left out or refused."""

import datetime as dt
import json
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.codes import ErrorCode
from jobs.errors import InputError, StoppedEarlyError
from producer.parquet import left_out, read_parquet
from producer.raw import Line
from producer.source import Source


def written(path: Path, columns: dict[str, Any], **how: Any) -> Source:
    pq.write_table(pa.table(columns), path, **how)
    return Source(path)


def read(source: Source, *needed: str) -> list[Line]:
    return list(read_parquet(source, frozenset(needed)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.parquet"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("text\u2028", pa.string(), "text\u2028"),
        (None, pa.string(), None),
        (2**63 - 1, pa.int64(), 2**63 - 1),
        (2**64 - 1, pa.uint64(), 2**64 - 1),
        (1.5, pa.float32(), 1.5),
        (math.nan, pa.float64(), None),
        (math.inf, pa.float64(), None),
        (True, pa.bool_(), True),
        (Decimal("12.50"), pa.decimal128(9, 2), "12.50"),
        (dt.date(2026, 3, 1), pa.date32(), "2026-03-01"),
        (dt.time(1, 2, 3), pa.time64("ns"), "01:02:03"),
        (7_000, pa.timestamp("ns"), "1970-01-01T00:00:00.000007"),
        (1_000_000_001, pa.timestamp("ns", "UTC"), "1970-01-01T00:00:01Z"),
        (dt.timedelta(days=1, seconds=2), pa.duration("ns"), "P1DT2S"),
        ([1, 2], pa.list_(pa.int8()), [1, 2]),
        ([1_000], pa.list_(pa.timestamp("ns")), ["1970-01-01T00:00:00.000001"]),
        ({"x": {"y": "z"}}, pa.struct({"x": pa.struct({"y": pa.string()})}), {"x": {"y": "z"}}),
        ([("k", 1)], pa.map_(pa.string(), pa.int64()), {"k": 1}),
        ("word", pa.dictionary(pa.int8(), pa.string()), "word"),
        ("view", pa.string_view(), "view"),
    ],
    ids=str,
)  # fmt: skip
def test_values_become_those_of_json(path: Path, value: Any, kind: Any, expected: Any) -> None:
    source = written(path, {"v": pa.array([value], kind)})

    [line] = read(source)

    assert (line.number, json.loads(line.data)) == (1, {"v": expected})


def test_rows_are_numbered_through_all_row_groups(path: Path) -> None:
    source = written(path, {"n": list(range(3000))}, row_group_size=700)

    found = read(source)

    assert [line.number for line in found] == list(range(1, 3001))
    assert [json.loads(line.data)["n"] for line in found] == list(range(3000))


def test_bytes_are_left_out_unless_a_request_is_made_of_them(path: Path) -> None:
    image = {"bytes": b"\x89PNG", "path": "a.png"}
    source = written(path, {"text": ["a"], "raw": [b"\0"], "image": [image], "parts": [[b"x"]]})

    assert left_out(source) == ("raw", "image.bytes", "parts")
    for needed in ("text", "image.path"):
        assert [json.loads(line.data) for line in read(source, needed)] == [
            {"text": "a", "image": {"path": "a.png"}}
        ]
    for needed, named in (("raw", "raw"), ("image", "image.bytes"), ("parts", "parts")):
        with pytest.raises(InputError, match=f"bytes where a text is needed, in {named}"):
            read(source, needed, "text")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"a,b\n1,2\n", b"PAR1" + b"\xff" * 60 + b"PAR1"])
def test_what_only_claims_to_be_parquet_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    with pytest.raises(InputError, match=r"is no Parquet file.*--input-format"):
        read(Source(path))


def test_columns_that_cannot_be_told_apart_are_refused(path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)

    with pytest.raises(InputError, match="more than one column of the same name: a"):
        read(Source(path))


def test_a_value_that_cannot_be_read_costs_its_row(path: Path) -> None:
    times = pa.array([0, 2**62, 1], pa.timestamp("us"))
    texts = pa.array([b"a", b"b", b"\xff"]).view(pa.string())
    source = written(path, {"time": times, "text": texts})

    first, second, third = read(source)

    assert json.loads(first.data)["text"] == "a"
    assert (second.number, second.fault) == (2, ErrorCode.UNREADABLE_VALUE)
    assert (third.number, third.fault) == (3, ErrorCode.INVALID_UTF8)


def test_a_file_that_is_damaged_inside_stops_early_and_says_after_which_row(path: Path) -> None:
    values = [f"{number:09d}" for number in range(20_000)]
    written(path, {"v": values}, row_group_size=5_000, compression="snappy", use_dictionary=False)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = b"\xff" * 2_000
    path.write_bytes(data)

    with pytest.raises(StoppedEarlyError, match=r"is damaged after row [\d,]+: .*sound"):
        read(Source(path))


def test_an_empty_table_has_no_rows(path: Path) -> None:
    assert read(written(path, {"a": pa.array([], pa.string())})) == []


def test_arrow_is_loaded_only_where_there_is_parquet() -> None:
    code = "import sys, nightmill.intake, nightmill.rehearsing; print('pyarrow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout == b"False\n"
