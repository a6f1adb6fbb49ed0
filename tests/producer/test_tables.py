"""Results as CSV and Parquet: what is written is read back by the usual readers as it was."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.model import ResultRow
from jobs.store.store import Store
from producer import write_parquet as parquet_module
from producer.export import export_file
from producer.output_file import check_output
from producer.table import MAX_COLUMNS, gathered
from producer.write_csv import write_csv
from producer.write_parquet import write_parquet
from tests.producer.by_hand import answer_all, openai_line, plan, refuse_all, submitted, write_input
from tests.producer.test_export import NAMES, TEXTS, VALUES, failed, result

ANSWER = ["error_code", "error_message", "error_line"]
ANSWER += ["model", "input_tokens", "output_tokens", "finish_reason"]


def rowed(row: dict[str, Any], **more: Any) -> ResultRow:
    return result(row=json.dumps(row, ensure_ascii=False), **more)


def as_csv(*results: ResultRow, into: str = "response") -> list[dict[str, str]]:
    stream = io.BytesIO()
    with gathered(results, into, Path()) as table:
        assert write_csv(table, stream) == len(results)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))


def as_parquet(*results: ResultRow, into: str = "response") -> Any:
    stream = io.BytesIO()
    with gathered(results, into, Path()) as table:
        assert write_parquet(table, stream) == len(results)
    return parquet.read_table(io.BytesIO(stream.getvalue()))


def test_a_table_has_the_rows_columns_and_then_the_answers() -> None:
    rows = [rowed({"a": 1, "b": "x"}), rowed({"a": 2, "c": None}, text="two")]

    first, second = as_csv(*rows, into="label")

    assert list(first) == ["a", "b", "c", "label", *ANSWER]
    assert (first["a"], first["b"], first["c"], first["label"]) == ("1", "x", "", "answer")
    assert (second["a"], second["b"], second["label"]) == ("2", "", "two")
    assert (first["input_tokens"], first["finish_reason"]) == ("3", "stop")


def test_a_failed_row_has_its_error_in_columns() -> None:
    fine, bad = as_csv(rowed({"a": 1}), failed(ErrorCode.REFUSED))

    assert (fine["error_code"], fine["error_line"]) == ("", "")
    assert (bad["error_code"], bad["error_message"], bad["error_line"]) == ("refused", "why", "4")
    assert bad["response"] == ""


def test_a_line_that_could_not_be_read_has_its_number_and_its_error() -> None:
    _, unread = as_csv(rowed({"a": 1}), failed(ErrorCode.INVALID_JSON, row=None))

    assert (unread["a"], unread["error_code"], unread["error_line"]) == ("", "invalid_json", "4")


def test_there_is_a_column_for_reasoning_if_any_row_has_some() -> None:
    assert "reasoning" not in as_csv(rowed({"a": 1}))[0]

    rows = as_csv(rowed({"a": 1}), rowed({"a": 2}, reasoning="hm"))
    assert [row["reasoning"] for row in rows] == ["", "hm"]


def test_names_that_any_row_has_are_left_to_the_rows() -> None:
    rows = as_csv(rowed({"a": 1}), rowed({"response": 5, "model": "mine"}))

    assert [row["nightmill_response"] for row in rows] == ["answer", "answer"]
    assert [row["response"] for row in rows] == ["", "5"]
    assert [row["model"] for row in rows] == ["", "mine"]
    assert rows[0]["nightmill_model"] == "demo"


def test_nested_values_and_json_answers_are_json_text() -> None:
    row = rowed({"tags": ["a", 1], "deep": {"b": None}}, text='{"mood":"good"}', form="json")

    [written] = as_csv(row)

    assert json.loads(written["tags"]) == ["a", 1]
    assert json.loads(written["deep"]) == {"b": None}
    assert json.loads(written["response"]) == {"mood": "good"}


def test_a_table_without_rows_still_has_the_answers_columns() -> None:
    assert as_csv() == []
    assert as_parquet().column_names == ["response", *ANSWER]


def test_columns_of_parquet_have_the_type_of_their_values() -> None:
    rows = [
        {"i": 1, "f": 1.5, "m": 2, "b": True, "t": "x", "n": None, "big": 2**63, "mix": "a"},
        {"i": -(2**62), "f": 2, "m": 0.5, "b": None, "t": "", "n": None, "big": 1, "mix": 5},
    ]

    table = as_parquet(*map(rowed, rows))

    types = {field.name: str(field.type) for field in table.schema}
    assert types | {"i": "int64", "f": "double", "m": "double", "b": "bool", "t": "string"} == types
    assert types | {"n": "string", "big": "string", "mix": "string"} == types
    assert types | {"input_tokens": "int64", "error_line": "int64"} == types
    found = table.to_pylist()
    for row, written in zip(rows, found, strict=True):
        assert {name: written[name] for name in "ifmbtn"} == {name: row[name] for name in "ifmbtn"}
    assert [row["big"] for row in found] == [str(2**63), "1"]
    assert [row["mix"] for row in found] == ["a", "5"]


def test_vectors_are_lists_of_numbers_in_parquet_and_json_in_csv() -> None:
    rows = [rowed({}, text="[0.5,-1]", form="vector"), failed(ErrorCode.REFUSED)]

    table = as_parquet(*rows)

    assert str(table.schema.field("response").type) == "list<element: double>"
    assert [row["response"] for row in table.to_pylist()] == [[0.5, -1.0], None]
    assert [row["response"] for row in as_csv(*rows)] == ["[0.5,-1]", ""]


def test_a_large_table_comes_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_GROUP_ROWS", 10)
    stream = io.BytesIO()

    with gathered((rowed({"n": n}) for n in range(25)), "response", Path()) as table:
        write_parquet(table, stream)

    file = parquet.ParquetFile(stream)
    assert file.num_row_groups == 3
    assert file.read()["n"].to_pylist() == list(range(25))


def test_rows_with_too_many_names_are_no_table() -> None:
    rows = (rowed({f"n{n}": 1}) for n in range(MAX_COLUMNS + 1))

    with pytest.raises(UsageError, match=r"10,000 columns.*\.jsonl"), gathered(rows, "x", Path()):
        pass


ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=4)


@given(rows=ROWS, answer=TEXTS)
def test_csv_reads_back_as_it_was_written(rows: list[dict[str, Any]], answer: str) -> None:
    written = as_csv(*(rowed(row, text=answer) for row in rows))

    for row, cells in zip(rows, written, strict=True):
        for name, value in row.items():
            cell = cells[name]
            expected = value if isinstance(value, str) else json.loads(json.dumps(value))
            found = cell if isinstance(value, str) else json.loads(cell or "null")
            assert found == expected
        assert answer in cells.values()


@given(rows=ROWS, answer=TEXTS)
def test_parquet_reads_back_as_it_was_written(rows: list[dict[str, Any]], answer: str) -> None:
    written = as_parquet(*(rowed(row, text=answer) for row in rows)).to_pylist()

    for row, cells in zip(rows, written, strict=True):
        for name, value in row.items():
            assert _is_as_it_was(value, cells[name])
        assert answer in cells.values()


def _is_as_it_was(value: Any, cell: Any) -> bool:
    if value is None or isinstance(value, str) or not isinstance(cell, str):
        return bool(cell == value)
    return bool(json.loads(cell) == value)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "CSV"])
def test_the_ending_picks_the_format_and_the_file_is_known_again(
    store: Store, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"out.{ending}"
    wanted = plan(write_input(tmp_path / "in", {"prompt": "ab"}, b"{"), output)
    done = submitted(store, wanted)
    answer_all(store)

    assert export_file(store, done.batch.id, output) == 2

    if ending == "parquet":
        rows = parquet.read_table(output).to_pylist()
    else:
        delimiter = "\t" if ending == "tsv" else ","
        with output.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
    assert [row["response"] or "" for row in rows] == ["ba", ""]
    assert [row["error_code"] or "" for row in rows] == ["", "invalid_json"]
    check_output(store, wanted)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_somebody_else_is_not_overwritten(
    sqlite_store: Store, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"out.{ending}"
    output.write_text("a,b\n1,2\n")
    wanted = plan(write_input(tmp_path / "in", {"prompt": "ab"}), output)
    submitted(sqlite_store, wanted)

    with pytest.raises(UsageError, match="belongs to something else"):
        check_output(sqlite_store, wanted)


def test_openai_lines_in_a_table_are_rows_unless_their_own_form_is_asked_for(
    sqlite_store: Store, tmp_path: Path
) -> None:
    done = submitted(sqlite_store, plan(write_input(tmp_path / "in", openai_line("mine"))))
    answer_all(sqlite_store)

    assert export_file(sqlite_store, done.batch.id, tmp_path / "out.csv") == 1
    with (tmp_path / "out.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["custom_id"], row["response"]) == ("mine", "ih")
    with pytest.raises(UsageError, match="--format openai"):
        export_file(sqlite_store, done.batch.id, tmp_path / "out.csv", "openai")


def test_only_what_failed_or_succeeded_is_written(store: Store, tmp_path: Path) -> None:
    source = write_input(tmp_path / "in", {"prompt": "a"}, b"{", {"prompt": "c"})
    done = submitted(store, plan(source))
    output = tmp_path / "out.csv"

    assert export_file(store, done.batch.id, output, only="succeeded") == 0
    assert export_file(store, done.batch.id, output, only="failed") == 1
    refuse_all(store)
    assert export_file(store, done.batch.id, output, only="failed") == 3
