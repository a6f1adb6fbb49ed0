"""Nightmill from Python."""

from pathlib import Path

import pytest

from nightmill import Client, ErrorCode, InputError, NoModelError, UsageError
from tests.nightmill.processes import marked


def test_rows_are_submitted_waited_for_and_read_and_nothing_keeps_running(
    mill: Path, mark: str
) -> None:
    seen = []
    rows = ({"text": f"word {i}", "custom_id": f"r{i}"} for i in range(3))

    with Client() as client:
        batch = client.submit(rows, prompt="Say {text}", max_tokens=2)
        status = client.wait(batch, timeout=120, on_progress=seen.append)
        results = list(client.results(batch))

    assert status.state == "completed"
    assert status.succeeded == status.total == 3
    assert seen[-1] == status
    assert [result.custom_id for result in results] == ["r0", "r1", "r2"]
    assert [result.response for result in results] == ["Say word"] * 3
    assert results[0].row == {"text": "word 0", "custom_id": "r0"}
    assert {result.finish_reason for result in results} == {"length"}
    assert "word" not in repr(results[0])
    assert marked(mark) == []


def test_a_file_is_known_again_and_rows_are_known_by_their_output(mill: Path) -> None:
    (mill / "in.jsonl").write_text('{"prompt": "one"}\n')
    with Client() as client:
        by_path = [client.submit("in.jsonl"), client.submit(mill / "in.jsonl")]
        rows = [{"prompt": "one"}]
        by_output = [client.submit(rows, output=mill / "out.jsonl") for _ in range(2)]
        unknown = [client.submit(rows) for _ in range(2)]

        assert client.status(unknown[0]).counts["pending"] == 1

    assert len(set(by_path)) == len(set(by_output)) == 1
    assert len(set(unknown)) == 2


def test_rows_leave_no_file_behind(mill: Path) -> None:
    with Client() as client:
        batch = client.submit([{"prompt": "one"}])
        assert client.status(batch).name == "rows of a program"
        assert client.status(client.submit([{"prompt": "one"}], name="night")).name == "night"

    assert list((mill / "data").glob(".nightmill-input-*")) == []


def test_rows_of_no_use_are_refused(mill: Path) -> None:
    with Client() as client:
        with pytest.raises(InputError, match="Row 2 cannot be written as JSON"):
            client.submit([{"prompt": "one"}, {"prompt": object()}])
        with pytest.raises(InputError):
            client.submit([])
        with pytest.raises(UsageError):
            client.wait("b-nope")


def test_what_a_killed_program_left_behind_goes_with_the_next_command(mill: Path) -> None:
    with Client():
        left = mill / "data" / ".nightmill-input-left.jsonl"
        left.write_text("a prompt")
    with Client():
        assert not left.exists()


def test_results_of_several_files_have_the_file_and_the_line_there(mill: Path) -> None:
    (mill / "a.jsonl").write_text('{"prompt": "a1"}\n{"prompt": "a2"}\n')
    (mill / "b.jsonl").write_text('{"prompt": "b1"}\n')

    with Client() as client:
        followed = client.run("*.jsonl")
        places = {(result.file, result.line): result.response for result in followed}
        again = [(result.file, result.line) for result in client.results(followed.batch)]
        alone = [result.file for result in client.run("a.jsonl")]

    assert places == {("a.jsonl", 1): "a1", ("a.jsonl", 2): "a2", ("b.jsonl", 1): "b1"}
    assert again == sorted(places)
    assert alone == [None, None]


def test_a_wait_that_takes_too_long_ends_and_the_batch_stays(mill: Path, mark: str) -> None:
    with Client() as client:
        batch = client.submit([{"prompt": "one"}])
        with pytest.raises(TimeoutError):
            client.wait(batch, timeout=0)

        assert client.status(batch).state == "open"
    assert marked(mark) == []


def test_a_client_is_used_in_its_block(mill: Path) -> None:
    with pytest.raises(RuntimeError, match="with"):
        Client().submit([{"prompt": "one"}])


def test_a_data_directory_can_be_named(mill: Path) -> None:
    with Client(data_dir=mill / "elsewhere") as client:
        client.submit([{"prompt": "one"}])

    assert (mill / "elsewhere" / "nightmill.db").exists()
    assert not (mill / "data").exists()


def test_results_come_as_rows_finish_and_nothing_keeps_running(mill: Path, mark: str) -> None:
    rows = [{"text": f"word {i}", "custom_id": f"r{i}"} for i in range(30)]

    with Client() as client:
        results = client.run(rows, prompt="Say {text}")
        answers = {result.custom_id: result.response for result in results}
        assert client.status(results.batch).state == "completed"
        again = list(client.results(results.batch, follow=True))

    assert answers == {f"r{i}": f"Say word {i}" for i in range(30)}
    assert len(again) == 30
    assert marked(mark) == []


def test_who_stops_reading_stops_the_running_too(mill: Path, mark: str) -> None:
    with Client() as client:
        results = client.run({"prompt": f"row {i}"} for i in range(2000))
        first = next(results)
        assert first.response == f"row {first.line - 1}"
        assert marked(mark)
        results.close()
        assert marked(mark) == []
        assert list(results) == []
        assert not client.status(results.batch).is_over

        following = client.results(results.batch, follow=True)
        next(following)
    assert list(following) == []
    assert marked(mark) == []


def test_a_row_that_failed_has_its_error_as_a_value(mill: Path) -> None:
    with Client() as client:
        results = client.run([{"prompt": "fine"}, {"text": "no prompt"}])
        by_line = {result.line: result for result in results}

    assert by_line[1].error is None
    fault = by_line[2].error
    assert fault is not None
    assert fault.code is ErrorCode.MISSING_PROMPT
    assert fault.code == "missing_prompt"


def test_a_batch_is_cancelled_and_what_failed_is_retried(mill: Path) -> None:
    with Client() as client:
        batch = client.submit([{"prompt": "one"}, {"prompt": "two"}], name="night")

        assert client.cancel("night") == 2
        assert client.retry(batch) == 0
        with pytest.raises(NoModelError):
            client.retry(batch, model="nope")


def test_an_option_that_there_is_not_is_a_type_error(mill: Path) -> None:
    with Client() as client, pytest.raises(TypeError, match="no option promt"):
        client.submit([{"text": "x"}], promt="{text}")  # type: ignore[call-arg]
