"""Lines become jobs: the first reading of an input."""

import pytest

from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError
from jobs.model import NewJob
from jobs.store import batches, ingest
from tests.jobs.store.desk import Desk, bad_line, line, new_batch


def add(desk: Desk, *lines: NewJob, revision: int = 1) -> ingest.Added:
    with desk.store.write() as c:
        if batches.find(c, "run") is None:
            batches.create(c, "b-1", new_batch("run", priority=2, data_class="local"))
        return ingest.add(c, "b-1", revision, lines)


def test_a_line_becomes_a_pending_job(desk: Desk) -> None:
    added = add(desk, line(7, "seven", body='{"x": 1}', model="big", pool="ollama"))
    assert added == ingest.Added(new=1, kept=0, changed=0, duplicates=())
    (row,) = desk.ask("SELECT * FROM jobs")
    assert (row.line, row.custom_id, row.kind, row.state, row.run) == (
        7,
        "seven",
        "row",
        "pending",
        1,
    )
    assert (row.model, row.pool, row.priority, row.data_class) == ("big", "ollama", 2, "local")
    assert (row.epoch, row.attempt, row.errors, row.crashes, row.suspect) == (0, 0, 0, 0, 0)
    (request,) = desk.ask("SELECT hash, body, row FROM requests")
    assert request == ('hash of {"x": 1}', '{"x": 1}', '{"line": 7}')
    assert desk.counted() == desk.recount()


def test_chunks_follow_each_other(desk: Desk) -> None:
    add(desk, line(1), line(2))
    add(desk, line(3))
    assert desk.states() == {1: "pending", 2: "pending", 3: "pending"}
    assert desk.counts().pending == 3


def test_an_empty_chunk_is_allowed(desk: Desk) -> None:
    assert add(desk).new == 0


def test_a_line_that_cannot_run_gets_its_record_at_its_place(desk: Desk) -> None:
    assert add(desk, line(1), bad_line(2), line(3)).new == 3
    rows = desk.page()
    assert [(row.line, row.state, row.run) for row in rows] == [
        (1, "pending", 1),
        (2, "failed", 0),
        (3, "pending", 1),
    ]
    assert (rows[1].error_code, rows[1].error_message) == (ErrorCode.INVALID_JSON, "No JSON.")
    assert desk.counted() == desk.recount()


def test_a_line_that_cannot_run_never_does(desk: Desk) -> None:
    desk.batch(bad_line(1))
    assert desk.batch_state() == "completed"
    assert desk.retry() == 0
    assert desk.dispatch() == []


def test_a_second_line_with_a_custom_id_is_an_error_at_its_place(desk: Desk) -> None:
    added = add(desk, line(1, "a"), line(2, "b"), line(3, "a"), line(4, "a"))
    assert added == ingest.Added(new=4, kept=0, changed=0, duplicates=(3, 4))
    assert desk.states() == {1: "pending", 2: "pending", 3: "failed", 4: "failed"}
    row = desk.page()[2]
    assert (row.error_code, row.custom_id) == (ErrorCode.DUPLICATE_CUSTOM_ID, "a")
    assert row.row == '{"line": 3}'
    assert desk.counted() == desk.recount()


def test_a_duplicate_is_found_across_chunks(desk: Desk) -> None:
    add(desk, line(1, "a"))
    assert add(desk, line(2, "b"), line(3, "a")).duplicates == (3,)


def test_the_same_custom_id_in_two_batches_is_no_duplicate(desk: Desk) -> None:
    desk.batch(line(1, "a"), batch_id="b-1")
    desk.batch(line(1, "a"), batch_id="b-2")
    assert desk.counts("b-2").pending == 1


def test_an_unreadable_line_does_not_take_a_custom_id_from_a_good_one(desk: Desk) -> None:
    added = add(desk, bad_line(1, "a"), bad_line(2, "a"), line(3, "a"))
    assert added.duplicates == ()
    assert desk.states() == {1: "failed", 2: "failed", 3: "pending"}


def test_another_reader_of_the_same_batch_is_stopped(desk: Desk) -> None:
    add(desk, line(1))
    with desk.store.write() as c:
        batches.reopen_ingest(c, "b-1")
    with pytest.raises(StoppedEarlyError, match="started again"):
        add(desk, line(2), revision=1)


def test_finishing_notes_the_inputs_hash_and_opens_the_batch(desk: Desk) -> None:
    add(desk, line(1))
    with desk.store.write() as c:
        batch = batches.finish_ingest(c, "b-1", "the hash")
    assert (batch.state, batch.source_hash, batch.finished_at) == ("open", "the hash", None)


def test_an_input_of_many_chunks_is_counted_in_one_row_when_it_is_read(desk: Desk) -> None:
    for number in range(1, 6):
        add(desk, line(number))
    with desk.store.write() as c:
        batches.finish_ingest(c, "b-1", "the hash")
    assert desk.ask("SELECT count(*) FROM counters") == [(1,)]
    assert desk.counts().pending == 5


def test_ids_are_in_the_order_of_the_lines(desk: Desk) -> None:
    add(desk, *(line(i) for i in range(1, 50)))
    lines = [row[0] for row in desk.ask("SELECT line FROM jobs ORDER BY id")]
    assert lines == list(range(1, 50))
