"""Each kind of input goes through the store and comes out in the results."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from jobs.store import batches
from jobs.store.store import Store
from tests.producer.by_hand import answer_all, plan, results_of, submitted

ROWS = [{"name": "Ann", "text": "good"}, {"name": "Bo", "text": 'so "so",\nsays he'}]


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "text"])
        writer.writeheader()
        writer.writerows(ROWS)


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def write_jsonl(path: Path) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))


KINDS = {".csv": write_csv, ".parquet": write_parquet, ".jsonl": write_jsonl}


@pytest.mark.parametrize("ending", KINDS)
def test_rows_of_every_kind_come_out_with_their_answers(
    store: Store, tmp_path: Path, ending: str
) -> None:
    source = tmp_path / f"in{ending}"
    KINDS[ending](source)

    done = submitted(store, plan(source, prompt="{name}: {text}"))

    prompts = [f"{row['name']}: {row['text']}" for row in ROWS]
    assert answer_all(store) == prompts
    assert [
        (row["name"], row["text"], row["response"]) for row in results_of(store, done.batch.id)
    ] == [
        (row["name"], row["text"], prompt[::-1]) for row, prompt in zip(ROWS, prompts, strict=True)
    ]
    assert not submitted(store, plan(source, prompt="{name}: {text}")).was_read


def test_a_line_of_text_is_a_prompt_or_the_column_text(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(b'\xef\xbb\xbf  {"one"}\r\n\r\n \ntwo {braces} \n')

    done = submitted(store, plan(source))
    assert answer_all(store) == ['  {"one"}', "two {braces}"]
    assert [row["text"] for row in results_of(store, done.batch.id)] == [
        '  {"one"}',
        "two {braces}",
    ]

    submitted(store, plan(source, is_fresh=True, prompt="Say {text}", system="{text}?"))
    assert answer_all(store) == ['Say   {"one"}', "Say two {braces}"]


def test_the_format_can_be_said_where_the_ending_is_of_no_help(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "in.data"
    source.write_text("prompt\na,b\n")

    submitted(sqlite_store, plan(source, input_format="text"))

    assert answer_all(sqlite_store) == ["prompt", "a,b"]


def test_another_encoding_named_later_reads_the_file_again(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes("prompt\nGröße\nok\n".encode("latin-1"))
    first = submitted(sqlite_store, plan(source))
    assert answer_all(sqlite_store) == ["ok"]
    [bad, _] = results_of(sqlite_store, first.batch.id)
    assert (bad["error"]["code"], bad["error"]["line"]) == (ErrorCode.INVALID_UTF8, 2)

    again = submitted(sqlite_store, plan(source, encoding="latin-1"))

    assert (again.batch.id, again.kept, again.new) == (first.batch.id, 1, 1)
    assert answer_all(sqlite_store) == ["Größe"]


def test_bad_rows_of_a_table_get_their_own_errors_and_the_others_run(
    store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(
        b"custom_id,prompt,model\n"
        b"a,one,\nb,two\nc,three,,\n"
        b"a,again,\ne,\0,\n,six,\ng,,\nh,eight,gpt-9\n"
        b"custom_id,prompt,model\n"
        b'j,"ten,\nk,eleven,qwen\n'
    )
    codes = [
        None,
        ErrorCode.RAGGED_ROW,
        ErrorCode.RAGGED_ROW,
        ErrorCode.DUPLICATE_CUSTOM_ID,
        ErrorCode.UNSTORABLE_TEXT,
        ErrorCode.INVALID_CUSTOM_ID,
        ErrorCode.MISSING_PROMPT,
        ErrorCode.UNKNOWN_MODEL,
        ErrorCode.REPEATED_HEADER,
        ErrorCode.INVALID_CSV,
        None,
    ]

    done = submitted(store, plan(source))

    assert sorted(answer_all(store)) == ["eleven", "one"]
    rows = results_of(store, done.batch.id)
    assert [row["error"] and row["error"]["code"] for row in rows] == codes
    assert [row["error"]["line"] for row in rows if row["error"]] == list(range(3, 12))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "has no row"),
        ("a.txt", b"\n \n", "only blank lines"),
        ("a.csv", b"a,b\n1\n", "its only line cannot run. Line 2: The row has more or fewer"),
        ("a.csv", b"a,a\n1,2\n", "more than one column of the same name"),
        ("a.parquet", b"a,b\n1,2\n", "is no Parquet file"),
        ("a.txt", "text".encode("utf-16"), "Say so with --encoding utf-16"),
        ("a.xlsx", b"PK", "is a spreadsheet; save it as CSV"),
    ],
)
def test_a_file_of_no_use_is_one_sentence_and_leaves_no_batch(
    sqlite_store: Store, tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    source = tmp_path / name
    source.write_bytes(data)

    with pytest.raises(InputError) as caught:
        submitted(sqlite_store, plan(source))

    assert words in str(caught.value)
    assert str(source) in str(caught.value)
    with sqlite_store.read() as c:
        assert batches.newest(c, 1) == []


@pytest.mark.parametrize("ending", KINDS)
def test_a_template_that_names_no_column_names_those_there_are(
    sqlite_store: Store, tmp_path: Path, ending: str
) -> None:
    source = tmp_path / f"in{ending}"
    KINDS[ending](source)

    with pytest.raises(UsageError, match=r"names `txt`.*The columns there are: name, text"):
        submitted(sqlite_store, plan(source, prompt="{txt}"))


def test_columns_of_bytes_are_left_out_and_that_is_said(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["a"], "picture": [b"\x89"]}), source)

    done = submitted(sqlite_store, plan(source, prompt="{text}"))

    assert [note.endswith("left out, being bytes: picture") for note in done.notes] == [True]
    with pytest.raises(InputError, match="in picture"):
        submitted(sqlite_store, plan(source, tmp_path / "out", prompt="{picture}"))


def test_a_seed_is_no_other_request_where_nothing_is_left_to_chance(
    sqlite_store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    write_jsonl(source)
    flags: dict[str, Any] = {"prompt": "{text}"}
    submitted(sqlite_store, plan(source, seed=1, **flags))

    assert not submitted(sqlite_store, plan(source, seed=2, **flags)).was_read
    with pytest.raises(UsageError, match="--seed"):
        submitted(sqlite_store, plan(source, seed=2, temperature=1.0, **flags))
