"""Who leads, who waits, and what becomes of what a dead leader had in flight."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from jobs import ids
from jobs.errors import BrokerError, StoreError, UsageError
from jobs.model import Counts, NewBatch, NewJob, request_hash
from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from jobs.states import BatchState
from jobs.store import batches, dispatch, ingest, running
from jobs.store.store import Store
from nightmill import watch
from nightmill.cli.signals import InterruptedByUser, Signals
from nightmill.cli.terminal import Terminal
from nightmill.embedded import child
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline, end_with_parent
from nightmill.embedded.lock import holder, services_lock, take
from nightmill.embedded.services import Services
from nightmill.embedded.stack import Stack
from nightmill.machine import machine_name
from nightmill.setup import open_store
from nightmill.status import Status, status_of
from tests.nightmill.processes import marked
from tests.nightmill.samples import BATCH


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", pools={"fake": PoolSettings(backend="fake")})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with closing(open_store(settings)) as store:
        yield store


def test_the_lock_is_one_process_s_and_names_it(settings: Settings, store: Store) -> None:
    first, second = (services_lock(DataDir(settings.data_dir)) for _ in range(2))

    assert take(first)
    assert not take(second)
    assert holder(second) == f"process {os.getpid()}"

    first.release()
    assert take(second)
    second.release()


def test_a_store_on_another_machine_is_not_served_through_a_private_broker(
    store: Store, tmp_path: Path
) -> None:
    given = {"data_dir": tmp_path, "store": {"url": "postgresql://me@10.0.0.5/mill"}}
    services = Services(Settings.model_validate(given), store)
    with pytest.raises(UsageError, match=r"set `broker\.url` to the one that all hosts use"):
        services.start()
    services.stop()


def test_a_stack_that_finds_the_lock_taken_starts_nothing_until_it_is_free(
    settings: Settings, store: Store, mark: str
) -> None:
    other = services_lock(DataDir(settings.data_dir))
    assert take(other)
    with Stack(settings, store) as stack:
        stack.tick()
        assert not stack.is_leader
        assert marked(mark) == []

        other.release()
        stack.tick()
        assert stack.is_leader
        assert marked(mark, "embedded.keeper") != []

    assert marked(mark) == []
    assert take(other)
    other.release()


def test_a_stack_that_cannot_start_leaves_nothing_behind(
    settings: Settings, store: Store, mark: str
) -> None:
    DataDir(settings.data_dir).broker.joinpath("broker.sock").mkdir()

    with pytest.raises(BrokerError, match=r"broker\.log"), Stack(settings, store):
        pass

    assert marked(mark) == []
    lock = services_lock(DataDir(settings.data_dir))
    assert take(lock)
    lock.release()


def test_what_a_dead_leader_had_in_flight_is_given_back_and_nobody_blamed(
    settings: Settings, store: Store, mark: str
) -> None:
    batch_id = claimed_job(store, host=f"fake@{machine_name(settings)}")

    services = Services(settings, store)
    try:
        services.start()
        with store.read() as c:
            counts = batches.counts(c, batch_id)
    finally:
        services.stop()

    assert (counts.running, counts.failed) == (0, 0)
    assert counts.unfinished == 1
    assert marked(mark) == []


def claimed_job(store: Store, host: str) -> str:
    """A batch whose one job runs in a session that is no more."""
    batch_id, body = ids.batch_id(), b'{"model":"fake","messages":[["user","hello"]]}'
    new = NewBatch(
        name="n",
        run_key="k",
        source="s",
        output="",
        into="r",
        options={},
        model="fake",
        pool="fake",
    )
    job = NewJob(
        line=1,
        custom_id="a",
        kind="row",
        row="{}",
        body=body.decode(),
        hash=request_hash(body),
        model="fake",
        pool="fake",
    )
    with store.write() as c:
        batches.create(c, batch_id, new)
        ingest.add(c, batch_id, 1, [job])
        batches.finish_ingest(c, batch_id, "hash")
        hints = dispatch.dispatch(c, "fake", 1)
        assert running.claim(c, "dead", host, hints, 60.0)
    return batch_id


def test_a_cut_lifeline_ends_the_child() -> None:
    lifeline = Lifeline()
    ended = threading.Event()
    end_with_parent(os.dup(lifeline.fd), lambda _status: ended.set())
    assert not ended.is_set()

    lifeline.cut()

    assert ended.wait(10)


def test_a_lifeline_that_is_not_there_is_noticed_at_once() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        end_with_parent(10_000)


def test_a_large_log_is_put_aside_once(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * (child.MAX_LOG_BYTES + 1))

    child.rotate(log)
    child.rotate(log)

    assert not log.exists()
    assert (tmp_path / "worker.log.1").stat().st_size == child.MAX_LOG_BYTES + 1


def test_last_words_are_the_end_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"line {i}\n" for i in range(1000)))

    assert child.tail(tmp_path / "a.log", lines=2) == "line 998\nline 999"
    assert child.tail(tmp_path / "none.log") == ""


def test_a_log_that_cannot_be_removed_is_told_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.log").mkdir()
    (tmp_path / "a.log.1").touch()

    child.remove_logs(tmp_path / "a.log")

    assert "a.log cannot be removed: " in caplog.text
    assert not (tmp_path / "a.log.1").exists()


class StandIn:
    """A stack whose tick fails as long as the list says so."""

    locks = Path("/nowhere")
    settings = Settings(pools={})

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def leaves_alone(self, pool: str) -> bool:
        return False

    def tick(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")


def wait(
    monkeypatch: pytest.MonkeyPatch, failures: int, free: Callable[[], None] = lambda: None
) -> tuple[Status, list[str]]:
    stack, troubles = StandIn(failures), list[str]()
    looks = iter([status_of(BATCH, Counts(running=1))] * 2)
    over = msgspec.structs.replace(BATCH, state=BatchState.COMPLETED)
    monkeypatch.setattr(watch, "look", lambda *_: next(looks, status_of(over, Counts(succeeded=1))))
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.001)
    ended = watch.wait_for(
        SimpleNamespace(free_bytes=free),  # type: ignore[arg-type]
        "b-1",
        stack,  # type: ignore[arg-type]
        lambda _status: None,
        lambda error: troubles.append(str(error)),
    )
    return ended, troubles


def test_waiting_gets_over_a_store_that_fails_for_a_while_and_tells_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, troubles = wait(monkeypatch, failures=5)

    assert ended.is_over
    assert troubles == ["locked"]


def test_a_store_that_goes_on_failing_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE_S", 0.0)

    with pytest.raises(StoreError):
        wait(monkeypatch, failures=5)


def test_waiting_gets_over_a_disk_that_does_not_say_how_full_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([StoreError("no answer"), None])

    def free() -> None:
        if (error := next(answers, None)) is not None:
            raise error

    ended, troubles = wait(monkeypatch, failures=0, free=free)

    assert ended.is_over
    assert troubles == ["no answer"]


def test_a_signal_is_kept_until_somebody_looks() -> None:
    with Signals() as signals:
        signals.check()
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.have_come
        with pytest.raises(InterruptedByUser) as stopped:
            signals.check()

    assert stopped.value.exit_status == 143


def test_under_nohup_a_closed_terminal_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals, Terminal() as terminal:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.have_come
            assert not terminal.is_gone
    finally:
        signal.signal(signal.SIGHUP, before)
