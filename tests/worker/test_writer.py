"""The writer beside stores that fail, refuse values, or do not reply."""

import logging
import math
import sqlite3
import threading
from contextlib import closing

import msgspec
import pytest

from backends.base import OnProgress
from backends.fake import FakeBackend, Script
from jobs.errors import StoreError
from jobs.model import GenerationRequest, GenerationResult, Hint
from jobs.store import hosts
from jobs.store.migrate import prepare
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.flaky import FlakyStore
from tests.worker.patient import PatientBackend
from tests.worker.world import POOL, ask, hand_out, submit
from worker.tally import Tally


class Lying(FakeBackend):
    """Counts so many tokens for `huge` that no database can hold the number."""

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        result = await super().generate(request, on_progress)
        if request.messages[0].content == "huge canary":
            return msgspec.structs.replace(result, output_tokens=2**70)
        return result


def test_an_answer_that_cannot_be_stored_costs_only_its_own_job(
    store: Store, start_host: StartHost, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = [f"prompt {i}" for i in range(9)]
    submit(store, [*prompts[:5], "huge canary", *prompts[5:]])
    host = start_host(store, Lying(slots=32))

    host.run_pack(hand_out(store), Tally(POOL, 10)).result(20)

    assert ask(store, "SELECT state, count(*) FROM results GROUP BY state ORDER BY state") == [
        ("failed", 1),
        ("succeeded", 9),
    ]
    assert ask(store, "SELECT text, error_code FROM results WHERE state = 'failed'") == [
        (None, "backend_failed")
    ]
    assert "canary" not in caplog.text


def test_a_hint_that_names_nothing_storable_is_dropped_alone(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["one", "two"])
    host = start_host(store, FakeBackend())
    hints = [Hint("j-\0", 1), Hint("j-half\ud800", 1), Hint("j-1", 2**70), *hand_out(store)]

    host.run_pack(hints, Tally(POOL, 5)).result(20)

    assert ask(store, "SELECT state FROM jobs") == [("succeeded",)] * 2


def test_nothing_is_lost_or_repeated_while_the_store_refuses(
    store: Store, start_host: StartHost, caplog: pytest.LogCaptureFixture
) -> None:
    submit(store, [f"prompt {i}" for i in range(6)])
    backend = PatientBackend(slots=6)
    host = start_host(store, backend)
    flaky = FlakyStore(store)
    host._writer._commits._store = flaky
    hints = hand_out(store)

    with caplog.at_level(logging.INFO):
        flaky.refusals = 3
        pack = host.run_pack(hints, Tally(POOL, 6))
        eventually(lambda: backend.in_flight == 6, "the claim")
        flaky.refusals = 3
        backend.answer()
        pack.result(20)

    assert ask(store, "SELECT state FROM jobs") == [("succeeded",)] * 6
    assert len(backend.seen) == 6
    failing = [r for r in caplog.records if getattr(r, "action", "") == "store_failing"]
    back = [r for r in caplog.records if getattr(r, "action", "") == "store_back"]
    assert (len(failing), len(back)) == (2, 2)


def test_a_lost_reply_to_a_claim_or_a_record_makes_nothing_run_twice(
    store: Store, start_host: StartHost
) -> None:
    submit(store, [f"prompt {i}" for i in range(6)])
    backend = PatientBackend(slots=6)
    host = start_host(store, backend)
    flaky = FlakyStore(store)
    host._writer._commits._store = flaky
    flaky.lost_replies = 2

    pack = host.run_pack(hand_out(store), Tally(POOL, 6))
    eventually(lambda: backend.in_flight == 6, "the claim")
    flaky.lost_replies = 2
    backend.answer()
    pack.result(20)

    assert len(backend.seen) == 6
    assert ask(store, "SELECT state, count(*) FROM results GROUP BY state") == [("succeeded", 6)]
    assert ask(store, "SELECT outcome, count(*) FROM attempts GROUP BY outcome") == [
        ("succeeded", 6)
    ]


def test_a_store_that_somebody_locks_for_two_seconds_is_waited_for(
    sqlite_store: Store, sqlite_url: str, start_host: StartHost
) -> None:
    submit(sqlite_store, ["one"])
    host = start_host(sqlite_store, FakeBackend())
    hints = hand_out(sqlite_store)

    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        pack = host.run_pack(hints, Tally(POOL, 1))
        with pytest.raises(TimeoutError):
            pack.result(2)
        other.rollback()

    pack.result(20)
    assert ask(sqlite_store, "SELECT state FROM jobs") == [("succeeded",)]


def test_work_goes_on_after_postgres_cut_all_connections(
    postgres_url: str, start_host: StartHost
) -> None:
    prepare(postgres_url)
    store = Store.open(postgres_url)
    submit(store, ["one", "two"])
    host = start_host(store, FakeBackend())
    first, second = hand_out(store)
    host.run_pack([first], Tally(POOL, 1)).result(20)

    ask(
        store,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    host.run_pack([second], Tally(POOL, 1)).result(20)
    assert ask(store, "SELECT state FROM jobs") == [("succeeded",)] * 2
    host.close()
    store.close()


def test_results_that_the_store_takes_only_at_the_very_end_are_recorded(
    sqlite_store: Store, start_host: StartHost
) -> None:
    submit(sqlite_store, ["one"])
    backend = PatientBackend()
    host = start_host(sqlite_store, backend)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: backend.in_flight, "the claim")
    flaky.refusals = math.inf
    backend.answer()
    eventually(lambda: not backend.in_flight, "the answer")

    closing_host = threading.Thread(target=host.close)
    closing_host.start()
    eventually(lambda: not backend.is_open or flaky.tried > 3, "the end to begin")
    flaky.refusals = 0
    closing_host.join(20)

    assert ask(sqlite_store, "SELECT state FROM jobs") == [("succeeded",)]


def test_a_store_that_is_gone_for_good_ends_the_host_with_an_error(
    sqlite_store: Store, start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.host.HAND_BACK_S", 0.2)
    monkeypatch.setattr("worker.pipeline.HAND_BACK_S", 0.2)
    submit(sqlite_store, ["one"])
    backend = PatientBackend()
    host = start_host(sqlite_store, backend, grace_s=0)
    flaky = FlakyStore(sqlite_store)
    host._writer._commits._store = flaky
    pack = host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: backend.in_flight, "the claim")
    flaky.refusals = math.inf

    with pytest.raises(StoreError):
        host.close()

    assert pack.cancelled()
    assert not backend.is_open


def test_a_writer_that_dies_says_so_and_keeps_nobody_waiting(
    sqlite_store: Store,
    start_host: StartHost,
    deaths: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    submit(sqlite_store, ["one"])
    host = start_host(sqlite_store, FakeBackend())

    quoted = "canary"

    def break_down(*_: object) -> None:
        raise TypeError(quoted)

    monkeypatch.setattr("jobs.store.running.claim", break_down)
    hints = hand_out(sqlite_store)
    tally = Tally(POOL, 1)
    host.run_pack(hints, tally).result(10)

    assert tally.left_over == tuple(hints)
    eventually(lambda: deaths, "the word of its death", 5)
    assert "break_down" in caplog.text
    assert "canary" not in caplog.text
    with pytest.raises(StoreError, match="TypeError"):
        host.close()


def test_an_idle_host_stays_on_the_list_of_the_living(
    sqlite_store: Store, start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.heartbeat.IDLE_S", 0.02)
    start_host(sqlite_store, FakeBackend())

    first = only_host(sqlite_store).seen_at
    eventually(lambda: only_host(sqlite_store).seen_at > first, "a sign of life", 5)


def test_a_busy_event_loop_keeps_no_lease_from_being_extended(
    sqlite_store: Store, start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.heartbeat.BUSY_S", 0.02)
    submit(sqlite_store, ["endless"])
    host = start_host(sqlite_store, FakeBackend(Script(delays={"endless": math.inf})), grace_s=0)
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: leases(sqlite_store), "the claim")
    is_over = threading.Event()

    host._thread.loop.call_soon_threadsafe(is_over.wait, 30)
    before = leases(sqlite_store)

    eventually(lambda: leases(sqlite_store) > before, "a longer lease", 10)
    is_over.set()


def test_a_host_whose_entry_went_missing_enters_itself_again(
    sqlite_store: Store, start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.heartbeat.IDLE_S", 0.02)
    start_host(sqlite_store, FakeBackend())
    with sqlite_store.write() as c:
        c.exec_driver_sql("DELETE FROM hosts")

    eventually(lambda: listed(sqlite_store), "the entry", 5)

    assert only_host(sqlite_store).models == ("fake",)


def test_a_host_whose_name_another_one_has_taken_ends(
    sqlite_store: Store,
    start_host: StartHost,
    deaths: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("worker.heartbeat.IDLE_S", 0.02)
    start_host(sqlite_store, FakeBackend())
    other = msgspec.structs.replace(only_host(sqlite_store), session="another")
    with sqlite_store.write() as c:
        hosts.announce(c, other)

    eventually(lambda: deaths, "its end", 5)

    assert "`worker.name`" in caplog.text
    assert only_host(sqlite_store).session == "another"


def test_nothing_is_written_to_a_store_that_was_upgraded_meanwhile(
    sqlite_store: Store,
    start_host: StartHost,
    deaths: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("worker.heartbeat.BUSY_S", 0.02)
    submit(sqlite_store, ["endless"])
    host = start_host(sqlite_store, FakeBackend(Script(delays={"endless": math.inf})), grace_s=0)
    host.run_pack(hand_out(sqlite_store), Tally(POOL, 1))
    eventually(lambda: leases(sqlite_store), "the claim")

    with sqlite_store.write() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    eventually(lambda: deaths, "its end", 5)

    before = leases(sqlite_store)
    assert "newer than this program's" in caplog.text
    with pytest.raises(StoreError, match="upgrade nightmill"):
        host.close()
    assert leases(sqlite_store) == before


def listed(store: Store) -> list[hosts.HostRow]:
    with store.read() as c:
        return hosts.listing(c)


def only_host(store: Store) -> hosts.HostRow:
    [host] = listed(store)
    return host


def leases(store: Store) -> list[tuple[float]]:
    return ask(store, "SELECT lease_until FROM jobs WHERE lease_until IS NOT NULL")
