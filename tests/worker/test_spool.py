"""What the store does not take is on this machine's disk, and recorded by whoever comes next."""

import errno
import math
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection

from jobs.errors import StoreError
from jobs.model import Claimed, Outcome
from jobs.states import JobState
from jobs.store import running
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.flaky import FlakyStore
from tests.worker.patient import PatientBackend
from tests.worker.world import POOL, ask, hand_out, submit
from worker import presence, spool
from worker.outcomes import Identity
from worker.spool import Spool, record_left_behind, waiting
from worker.tally import Tally

WHO = Identity(session="s-1", host="here", pool=POOL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def claim(store: Store, prompts: list[str]) -> list[Claimed]:
    submit(store, prompts)
    hints = hand_out(store)
    with store.write() as c:
        return running.claim(c, WHO.session, WHO.name, hints, 60)


def answered(job: Claimed, text: str = "yes") -> Outcome:
    return Outcome(
        job_id=job.job_id,
        batch_id=job.batch_id,
        run=job.run,
        epoch=job.epoch,
        attempt=job.attempt,
        session=WHO.session,
        host=WHO.name,
        pool=POOL,
        model="fake",
        state=JobState.SUCCEEDED,
        started_at=job.started_at,
        text=text,
        finish_reason="stop",
    )


def spool_of(store: Store, folder: Path, session: str = "s-1") -> Spool:
    return Spool(folder, store.describe(), session)


def answers(store: Store) -> list[str]:
    return [text for (text,) in ask(store, "SELECT text FROM results ORDER BY text")]


def test_what_a_dead_process_kept_is_recorded_by_the_next_one(store: Store, folder: Path) -> None:
    one, two = claim(store, ["one", "two"])
    kept = spool_of(store, folder)
    kept.keep([answered(one, "1"), answered(two, "2\n2")])
    assert waiting(folder) == 2
    kept.close()

    assert record_left_behind(folder, store) == 2

    assert answers(store) == ["1", "2\n2"]
    assert ask(store, "SELECT state FROM jobs") == [("succeeded",)] * 2
    assert list(folder.iterdir()) == []
    assert record_left_behind(folder, store) == 0


def test_what_a_living_process_keeps_is_left_to_it(store: Store, folder: Path) -> None:
    [one] = claim(store, ["one"])
    kept = spool_of(store, folder)
    kept.keep([answered(one)])

    assert record_left_behind(folder, store) == 0

    assert answers(store) == []
    assert waiting(folder) == 1
    kept.close()


def test_an_answer_is_kept_once_and_gone_when_the_store_has_all(store: Store, folder: Path) -> None:
    one, two = map(answered, claim(store, ["one", "two"]))
    kept = spool_of(store, folder)
    kept.keep([one])
    kept.keep([one, two])
    assert waiting(folder) == 2

    kept.forget([one])
    assert waiting(folder) == 2
    kept.forget([two])

    assert list(folder.iterdir()) == []


def test_it_is_for_the_owners_eyes_only(store: Store, folder: Path) -> None:
    [one] = claim(store, ["one"])
    kept = spool_of(store, folder)
    kept.keep([answered(one)])

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept.close()


def test_answers_for_another_store_wait_for_that_one(
    sqlite_store: Store, postgres_url: str, folder: Path
) -> None:
    [one] = claim(sqlite_store, ["one"])
    kept = Spool(folder, "another store", "s-1")
    kept.keep([answered(one)])
    kept.close()

    assert record_left_behind(folder, sqlite_store) == 0

    assert waiting(folder) == 1


def test_a_line_that_was_not_synced_to_its_end_is_no_answer(store: Store, folder: Path) -> None:
    [one] = claim(store, ["one"])
    kept = spool_of(store, folder)
    kept.keep([answered(one)])
    kept.close()
    [file] = folder.iterdir()
    with file.open("ab") as end:
        end.write(b'{"job_id": "j-to')

    assert record_left_behind(folder, store) == 1

    assert list(folder.iterdir()) == []


def test_a_damaged_line_costs_itself_and_is_set_aside(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = claim(store, ["one", "two"])
    kept = spool_of(store, folder)
    kept.keep([answered(one)])
    kept.keep([answered(two, "canary")])
    kept.close()
    [file] = folder.iterdir()
    head, first, _second, _end = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([head, first, b"\0\0canary\0", b""]))

    assert record_left_behind(folder, store) == 1

    assert answers(store) == ["yes"]
    assert [path.suffix for path in folder.iterdir()] == [".damaged"]
    assert "cannot be read" in caplog.text
    assert "canary" not in caplog.text


def test_a_disk_that_is_full_in_the_middle_keeps_what_was_there(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = map(answered, claim(store, ["one", "two"]))
    kept = spool_of(store, folder)
    kept.keep([one])

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(spool, "sync", full)
        with pytest.raises(OSError, match="No space"):
            kept.keep([two])
    assert waiting(folder) == 1

    kept.keep([two])
    kept.close()
    assert record_left_behind(folder, store) == 2


def test_an_answer_that_nothing_can_hold_costs_itself_only(store: Store, folder: Path) -> None:
    one, two = claim(store, ["one", "two"])
    kept = spool_of(store, folder)
    kept.keep([answered(one, "half \ud800"), answered(two)])
    kept.close()

    assert record_left_behind(folder, store) == 2

    assert ask(store, "SELECT state, text FROM results ORDER BY state") == [
        ("failed", None),
        ("succeeded", "yes"),
    ]


def test_a_file_whose_head_cannot_be_read_is_set_aside(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    (folder / "s-1.jsonl").write_bytes(b"\0\0\n")

    assert record_left_behind(folder, store) == 0

    assert [path.suffix for path in folder.iterdir()] == [".damaged"]
    assert "cannot be read" in caplog.text


def test_a_store_that_takes_nothing_leaves_the_file_as_it_was(
    sqlite_store: Store, folder: Path
) -> None:
    [one] = claim(sqlite_store, ["one"])
    kept = spool_of(sqlite_store, folder)
    kept.keep([answered(one)])
    kept.close()
    flaky = FlakyStore(sqlite_store)
    flaky.refusals = 1

    with pytest.raises(StoreError):
        record_left_behind(folder, flaky)

    assert waiting(folder) == 1
    assert record_left_behind(folder, flaky) == 1


def test_an_answer_outlives_a_worker_that_ends_while_the_store_is_away(
    sqlite_store: Store,
    start_host: StartHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.host.HAND_BACK_S", 0.2)
    monkeypatch.setattr("worker.pipeline.HAND_BACK_S", 0.2)
    submit(sqlite_store, ["one", "two"])
    backend = PatientBackend()
    host = start_host(sqlite_store, backend, session="s-1", grace_s=0)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 2))
    eventually(lambda: backend.in_flight == 2, "the claim")

    flaky.refusals = math.inf
    backend.answer()
    eventually(lambda: waiting(tmp_path / "spool") == 2, "the answers on the disk")
    with pytest.raises(StoreError):
        host.close()

    # The next worker of this machine.
    assert record_left_behind(tmp_path / "spool", sqlite_store) == 2
    presence.take_back_jobs(sqlite_store, tmp_path, WHO, max_crashes=3, blame_since=0.0)
    assert answers(sqlite_store) == ["one", "two"]
    assert (
        ask(sqlite_store, "SELECT state, suspect, crashes FROM jobs") == [("succeeded", 0, 0)] * 2
    )
    assert ask(sqlite_store, "SELECT outcome FROM attempts") == [("succeeded",)] * 2


def test_an_answer_is_kept_of_a_worker_that_ends_while_a_commit_hangs(
    sqlite_store: Store,
    start_host: StartHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.host.HAND_BACK_S", 0.2)
    monkeypatch.setattr("worker.writer.LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr("worker.pipeline.HAND_BACK_S", 0.2)
    submit(sqlite_store, ["one"])
    backend = PatientBackend()
    host = start_host(sqlite_store, backend, session="s-1", grace_s=0)
    hanging = HangingStore(sqlite_store)
    host._writer._commits._store = hanging
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: backend.in_flight, "the claim")

    hanging.hangs.set()
    eventually(lambda: hanging.is_hanging, "a commit that hangs")
    backend.answer()
    eventually(lambda: not backend.in_flight, "the answer")
    with pytest.raises(StoreError, match="too long"):
        host.close()

    assert waiting(tmp_path / "spool") == 1
    hanging.hangs.clear()
    hanging.goes_on.set()


class HangingStore(FlakyStore):
    """Takes nothing and says nothing, from when it is told to until it is told to go on."""

    def __init__(self, real: Store) -> None:
        super().__init__(real)
        self.hangs, self.goes_on = threading.Event(), threading.Event()
        self.is_hanging = False

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        if self.hangs.is_set():
            self.is_hanging = True
            self.goes_on.wait(60)
        with super().write(durable=durable) as c:
            yield c


def test_nothing_stays_on_the_disk_when_the_store_is_back(
    sqlite_store: Store, start_host: StartHost, tmp_path: Path
) -> None:
    submit(sqlite_store, ["one", "two"])
    backend = PatientBackend()
    host = start_host(sqlite_store, backend)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    pack = host.run_pack(hand_out(sqlite_store), Tally(POOL, 2))
    eventually(lambda: backend.in_flight == 2, "the claim")
    flaky.refusals = math.inf
    backend.answer()
    eventually(lambda: waiting(tmp_path / "spool") == 2, "the answers on the disk")

    flaky.refusals = 0
    pack.result(20)

    assert answers(sqlite_store) == ["one", "two"]
    eventually(lambda: list((tmp_path / "spool").iterdir()) == [], "the end of the file")


def test_a_failure_of_a_run_that_is_over_changes_nothing_when_it_is_recorded_late(
    store: Store, folder: Path
) -> None:
    [one] = claim(store, ["one"])
    kept = spool_of(store, folder)
    kept.keep([msgspec.structs.replace(answered(one), state=JobState.FAILED, text=None)])
    kept.close()
    with store.write(durable=True) as c:
        running.record(c, [answered(one, "first")])

    record_left_behind(folder, store)

    assert ask(store, "SELECT state, text FROM results") == [("succeeded", "first")]
