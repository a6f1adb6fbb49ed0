import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.codes import ErrorCode
from jobs.errors import UsageError
from jobs.model import ResultRow
from jobs.states import JobState
from jobs.store import ending
from jobs.store.store import Store
from producer import export as export_module
from producer.export import export_file
from producer.result_openai import openai_record
from producer.result_rows import row_record
from producer.writers import note_on_ending
from tests.producer.by_hand import (
    answer_all,
    line,
    openai_line,
    parser,
    plan,
    refuse_all,
    results_of,
    submitted,
    write_input,
)

TOKENS = {"input": 3, "output": 2}


def result(**more: Any) -> ResultRow:
    known: dict[str, Any] = {
        "job_id": "j-1",
        "line": 4,
        "custom_id": "c",
        "kind": "row",
        "state": JobState.SUCCEEDED,
        "run": 1,
        "row": '{"prompt": "p"}',
        "text": "answer",
        "reasoning": None,
        "finish_reason": "stop",
        "model": "demo",
        "input_tokens": 3,
        "output_tokens": 2,
        "error_code": None,
        "error_message": None,
        "form": "text",
    }
    return ResultRow(**(known | more))


def failed(code: ErrorCode, **more: Any) -> ResultRow:
    fields = {"state": JobState.FAILED, "error_code": code.value, "error_message": "why"}
    return result(**fields, text=None, finish_reason=None, **more)


def written(record: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(msgspec.json.encode(record))
    return fields


def test_a_row_comes_out_with_its_fields_and_the_answer(store: Store, tmp_path: Path) -> None:
    source = write_input(tmp_path / "in", {"prompt": "abc", "n": [1, None]})
    done = submitted(store, plan(source, into="label"))
    answer_all(store, finish_reason="length")

    assert results_of(store, done.batch.id) == [
        {
            "prompt": "abc",
            "n": [1, None],
            "label": "cba",
            "error": None,
            "model": "demo",
            "tokens": TOKENS,
            "finish_reason": "length",
        }
    ]


def test_a_failed_row_has_its_error_and_no_answer(store: Store, tmp_path: Path) -> None:
    done = submitted(store, plan(write_input(tmp_path / "in", {"prompt": "abc"})))
    refuse_all(store)

    [row] = results_of(store, done.batch.id)
    assert row["response"] is None
    assert row["error"] == {"code": "refused", "message": "It said no.", "line": 1}


def test_results_come_in_the_order_of_the_input_page_by_page(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "_PAGE_SIZE", 100)
    prompts = [str(number) * (number % 7 + 1) for number in range(40)]
    source = write_input(tmp_path / "in", *({"prompt": prompt} for prompt in prompts))
    done = submitted(store, plan(source))
    answer_all(store)

    rows = results_of(store, done.batch.id)

    assert [row["response"] for row in rows] == [prompt[::-1] for prompt in prompts]


def test_rows_that_are_not_finished_are_left_out_of_partial_results(
    store: Store, tmp_path: Path
) -> None:
    source = write_input(tmp_path / "in", {"prompt": "a"}, b"{", {"prompt": "c"})
    done = submitted(store, plan(source))

    assert [row["line"] for row in results_of(store, done.batch.id)] == [2]


def test_a_cancelled_row_says_so(store: Store, tmp_path: Path) -> None:
    done = submitted(store, plan(write_input(tmp_path / "in", {"prompt": "a"})))
    with store.write() as c:
        ending.cancel(c, done.batch.id)

    assert results_of(store, done.batch.id)[0]["error"]["code"] == "cancelled"


@pytest.mark.parametrize(
    ("lines", "is_openai"),
    [
        ([openai_line("a"), openai_line("b")], True),
        ([openai_line("a"), {"prompt": "p"}], False),
        ([openai_line("a"), b"{", {"text": "cannot run"}], True),
        ([{"prompt": "p"}], False),
    ],
)
def test_the_kind_is_openais_if_all_usable_lines_are(
    store: Store, tmp_path: Path, lines: list[object], is_openai: bool
) -> None:
    done = submitted(store, plan(write_input(tmp_path / "in", *lines)))
    answer_all(store)

    assert all(("id" in row) == is_openai for row in results_of(store, done.batch.id))


def test_the_kind_asked_for_comes_before_the_one_submitted_with(
    sqlite_store: Store, tmp_path: Path
) -> None:
    done = submitted(sqlite_store, plan(write_input(tmp_path / "in", openai_line()), kind="rows"))
    answer_all(sqlite_store)

    assert results_of(sqlite_store, done.batch.id)[0]["url"] == "/v1/chat/completions"
    assert "id" in results_of(sqlite_store, done.batch.id, "openai")[0]


def test_a_file_is_written_with_all_rows(sqlite_store: Store, tmp_path: Path) -> None:
    done = submitted(sqlite_store, plan(write_input(tmp_path / "in", {"prompt": "ab"})))
    answer_all(sqlite_store)

    assert export_file(sqlite_store, done.batch.id, tmp_path / "out.jsonl") == 1

    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["response"] == "ba"


def test_a_format_that_nobody_writes_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end in \.jsonl, \.csv or \.parquet"):
        export_file(sqlite_store, "b-1", tmp_path / "out.xlsx")


@pytest.mark.parametrize("name", ["out.txt", "out.json", "out"])
def test_an_ending_that_says_no_format_is_said_to_be_json_lines(name: str) -> None:
    assert "one JSON object a line" in (note_on_ending(Path(name)) or "")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet", "out.NDJSON"])
def test_an_ending_that_says_its_format_needs_no_words(name: str) -> None:
    assert note_on_ending(Path(name)) is None
    assert note_on_ending(None) is None


def test_json_answers_and_vectors_stand_in_rows_as_what_they_are() -> None:
    answer = written(row_record(result(text='{"n":1.50}', form="json"), "response"))
    vector = written(row_record(result(text="[0.5,-1]", form="vector"), "response"))

    assert answer["response"] == {"n": 1.5}
    assert vector["response"] == [0.5, -1]
    assert row_record(failed(ErrorCode.SCHEMA_MISMATCH), "response")["response"] is None


def test_a_json_answer_is_the_content_of_an_openai_message() -> None:
    record = written(openai_record(result(text='{"n":1}', form="json"), created=99))

    assert record["response"]["body"]["choices"][0]["message"]["content"] == '{"n":1}'


def test_a_vector_is_an_openai_embedding() -> None:
    record = written(openai_record(result(text="[0.5,-1]", form="vector"), created=99))

    assert record["response"]["body"] == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1]}],
        "model": "demo",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


def test_reasoning_is_there_only_where_a_model_gave_it() -> None:
    assert "reasoning" not in row_record(result(), "response")
    assert row_record(result(reasoning="hm"), "response")["reasoning"] == "hm"


def test_names_that_the_row_has_already_are_left_to_it() -> None:
    row = {"response": 1, "nightmill_response": 2, "error": 3, "tokens": 4, "model": 5}

    record = written(row_record(result(row=json.dumps(row)), "response"))

    assert record == row | {
        "nightmill_nightmill_response": "answer",
        "nightmill_error": None,
        "nightmill_model": "demo",
        "nightmill_tokens": TOKENS,
        "finish_reason": "stop",
    }


def test_a_line_that_could_not_be_read_stands_at_its_place() -> None:
    error = {"code": "invalid_json", "message": "why", "line": 4}

    unread = failed(ErrorCode.INVALID_JSON, row=None)

    assert row_record(unread, "response") == {"line": 4, "error": error}


def test_values_of_a_row_are_passed_on_as_they_were_written() -> None:
    row = '{"a":1.50,"b":1e999,"c":123456789012345678901234567890,"d":"\\u00e4"}'

    record = msgspec.json.encode(row_record(result(row=row), "response")).decode()

    assert record.startswith(row[:-1])


def test_an_answer_is_an_openai_output_line() -> None:
    record = written(openai_record(result(reasoning="hm"), created=99))

    assert (record["custom_id"], record["error"]) == ("c", None)
    assert record["response"]["status_code"] == 200
    body = record["response"]["body"]
    assert (body["object"], body["created"], body["model"]) == ("chat.completion", 99, "demo")
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {
        "role": "assistant",
        "content": "answer",
        "reasoning_content": "hm",
    }


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (ErrorCode.INVALID_PARAMETER, 400, "invalid_request_error"),
        (ErrorCode.PROMPT_TOO_LONG, 400, "invalid_request_error"),
        (ErrorCode.TIMED_OUT, 500, "server_error"),
        (ErrorCode.POISON, 500, "server_error"),
    ],
)
def test_a_failed_request_has_its_status_and_error_body(
    code: ErrorCode, status: int, kind: str
) -> None:
    record = written(openai_record(failed(code), created=99))

    assert record["error"] is None
    assert record["response"]["status_code"] == status
    assert record["response"]["body"] == {
        "error": {"message": "why", "type": kind, "param": None, "code": code.value}
    }


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (failed(ErrorCode.EXPIRED), "batch_expired"),
        (failed(ErrorCode.CANCELLED), "batch_cancelled"),
        (failed(ErrorCode.INVALID_JSON, row=None, custom_id=None), "invalid_json"),
    ],
)
def test_what_never_was_a_request_has_an_error_and_no_response(job: ResultRow, code: str) -> None:
    record = written(openai_record(job, created=99))

    assert record["response"] is None
    assert record["error"] == {"code": code, "message": "why", "line": 4}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = TEXTS | st.sampled_from(["response", "error", "model", "tokens", "nightmill_error"])


@given(row=st.dictionaries(NAMES, VALUES, max_size=5), answer=TEXTS, is_ascii=st.booleans())
def test_every_row_comes_out_with_its_fields_as_they_were(
    row: dict[str, Any], answer: str, is_ascii: bool
) -> None:
    data = json.dumps(row, ensure_ascii=is_ascii).encode()
    job = parser(prompt="p", model="demo").parse(line(data))

    record = msgspec.json.encode(row_record(result(row=job.row, text=answer), "response"))

    assert b"\n" not in record
    fields = json.loads(record)
    assert {name: fields[name] for name in row} == row
    assert answer in [fields[name] for name in fields.keys() - row.keys()]
