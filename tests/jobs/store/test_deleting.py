"""A batch goes for good: hidden at once, emptied page by page, written over in SQLite's file."""

import random
from pathlib import Path

import pytest

from jobs.errors import StoppedEarlyError, UsageError
from jobs.model import Counts
from jobs.store import batches, deleting, ending, ingest
from tests.jobs.store.desk import Desk, bad_line, line, new_batch, outcome


def hide(desk: Desk, batch_id: str = "b-1", *, is_forced: bool = False) -> None:
    with desk.store.write() as c:
        deleting.hide(c, batch_id, is_forced=is_forced)


def drop(desk: Desk, limit: int = 1000) -> int:
    with desk.store.write() as c:
        return deleting.drop_page(c, "b-1", limit)


def forget(desk: Desk) -> None:
    with desk.store.write() as c:
        deleting.forget(c, "b-1")


def test_nothing_of_a_deleted_batch_is_left_and_all_of_the_others(desk: Desk) -> None:
    for name in ("b-1", "b-2"):
        desk.batch(line(1), bad_line(2), batch_id=name)
    desk.record(*(outcome(job) for job in desk.take()))

    hide(desk)
    assert drop(desk) == 2
    forget(desk)

    assert desk.ask("SELECT id FROM batches") == [("b-2",)]
    assert desk.ask("SELECT DISTINCT batch_id FROM jobs") == [("b-2",)]
    assert desk.ask("SELECT count(*) FROM requests") == [(2,)]
    assert desk.ask("SELECT count(*) FROM results") == [(2,)]
    assert desk.ask("SELECT count(*) FROM attempts") == [(1,)]
    assert desk.counts() == Counts()
    assert desk.counted("b-2") == desk.recount("b-2")


def test_a_batch_goes_page_by_page(desk: Desk) -> None:
    desk.batch()
    hide(desk)

    assert [drop(desk, 4) for _ in range(4)] == [4, 4, 2, 0]


def test_from_the_first_moment_on_nobody_sees_it(desk: Desk) -> None:
    desk.batch()
    desk.batch(batch_id="b-2")
    hide(desk)

    with desk.store.read() as c:
        assert [batch.id for batch in batches.newest(c, 9)] == ["b-2"]
        assert batches.all_ids(c) == list(batches.open_places(c)) == ["b-2"]
        assert batches.find(c, "b-1") is None
        with pytest.raises(UsageError, match="There is no batch"):
            batches.get(c, "b-1")
    for verb in (ending.cancel, batches.reopen_ingest):
        with pytest.raises(UsageError, match="There is no batch"), desk.store.write() as c:
            verb(c, "b-1")
    with pytest.raises(UsageError, match="There is no batch"):
        desk.retry()
    with pytest.raises(UsageError, match="There is no batch"):
        desk.resume()
    assert {job.batch_id for job in desk.take()} == {"b-2"}
    assert "b-1" not in desk.finalize()


def test_its_output_can_be_used_by_a_new_batch_at_once(desk: Desk) -> None:
    desk.batch(run_key="out.jsonl")
    hide(desk)

    desk.batch(batch_id="b-2", run_key="out.jsonl")

    with desk.store.read() as c:
        found = batches.find(c, "out.jsonl")
    assert found is not None
    assert found.id == "b-2"


def test_a_deletion_that_was_stopped_can_be_gone_on_with(desk: Desk) -> None:
    desk.batch(name="night")
    hide(desk)
    drop(desk, 4)

    with desk.store.read() as c:
        assert deleting.half_deleted(c) == ["b-1"]
        assert deleting.find(c, "night") == deleting.find(c, "b-") == "b-1"
    hide(desk)
    assert drop(desk) == 6
    forget(desk)
    with desk.store.read() as c:
        assert deleting.half_deleted(c) == []
        with pytest.raises(UsageError, match="There is no batch"):
            deleting.find(c, "night")


def test_while_rows_of_it_run_it_stays_unless_it_is_forced(desk: Desk) -> None:
    desk.batch()
    (job, *_) = desk.take(1)
    desk.dispatch(1)

    with pytest.raises(UsageError, match=r"2 rows of b-1 are being run.* --force"):
        hide(desk)
    assert desk.batch_state() == "open"

    hide(desk, is_forced=True)
    assert desk.record(outcome(job)) == set()
    drop(desk)
    forget(desk)
    assert desk.ask("SELECT count(*) FROM jobs") == desk.ask("SELECT count(*) FROM results")
    assert desk.ask("SELECT count(*) FROM attempts") == [(0,)]


def test_who_reads_its_input_in_is_stopped(desk: Desk) -> None:
    with desk.store.write() as c:
        batches.create(c, "b-1", new_batch())
    hide(desk)

    with pytest.raises(StoppedEarlyError, match="deleted"), desk.store.write() as c:
        ingest.add(c, "b-1", 1, [line(1)])


def test_no_byte_of_it_is_left_in_the_file(sqlite_desk: Desk, tmp_path: Path) -> None:
    """Deleted rows leave copies: in free pages, and in pages that they shared with others."""
    with sqlite_desk.store.write() as c:
        # As most builds of SQLite have it; some write zeros over what is deleted.
        c.exec_driver_sql("PRAGMA secure_delete = OFF")
    words = {"b-1": "CANARY", "b-2": "other!"}
    for name in words:
        with sqlite_desk.store.write() as c:
            batches.create(c, name, new_batch(name))
    fill_in_turns(sqlite_desk, words, random.Random(7))

    hide(sqlite_desk)
    while drop(sqlite_desk, 50):
        pass
    assert sqlite_desk.store.compact()
    forget(sqlite_desk)

    found = read_all(tmp_path)
    assert b"CANARY" not in found
    assert b"other!" in found
    assert sqlite_desk.counted("b-2") == sqlite_desk.recount("b-2")


def fill_in_turns(desk: Desk, words: dict[str, str], dice: random.Random) -> None:
    """Two inputs are read at the same time, and their rows answered in any order."""

    def some(word: str) -> str:
        return "-" * dice.choice((4, 60, 300, 1200, 6000)) + word

    lines = dict.fromkeys(words, 0)
    for name in dice.choices(list(words), k=60):
        chunk = range(lines[name] + 1, lines[name] + dice.randint(2, 20))
        lines[name] = chunk[-1]
        rows = [line(i, body=some(words[name]), row=some(words[name])) for i in chunk]
        with desk.store.write() as c:
            ingest.add(c, name, 1, rows)
    for name in words:
        with desk.store.write() as c:
            batches.finish_ingest(c, name, "hash")
    jobs = desk.take(2000)
    dice.shuffle(jobs)
    for start in range(0, len(jobs), 20):
        some_jobs = jobs[start : start + 20]
        desk.record(*(outcome(job, text=some(words[job.batch_id])) for job in some_jobs))


def test_a_log_that_somebody_reads_is_not_called_empty(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_desk.batch()
    with sqlite_desk.store.write() as c:
        c.exec_driver_sql("PRAGMA busy_timeout = 10")
    with sqlite_desk.store.write(durable=True) as c:
        c.exec_driver_sql("PRAGMA busy_timeout = 10")

    with sqlite_desk.store.read() as c:
        c.exec_driver_sql("SELECT count(*) FROM jobs").all()
        assert not sqlite_desk.store.compact()
    assert sqlite_desk.store.compact()


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
