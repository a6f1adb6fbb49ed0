"""Real worker processes: SQLite, Redis and Celery, and signals from outside."""

import signal
from collections.abc import Callable, Sequence

from jobs import wire
from jobs.broker import celery_app
from jobs.model import Hint
from jobs.store import hosts
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import Process, RedisServer
from tests.worker.world import POOL, ask, hand_out, submit

StartWorker = Callable[..., Process]


def publish(broker_url: str, hints: Sequence[Hint], pack: int = wire.MAX_PACK) -> None:
    app = celery_app(broker_url, (POOL,))
    with app.connection_for_write() as connection:
        for start in range(0, len(hints), pack):
            args = [wire.encode_pack(hints[start : start + pack])]
            app.send_task(wire.TASK, args, queue=POOL, connection=connection)


def states(store: Store) -> list[str]:
    return [state for (state,) in ask(store, "SELECT state FROM jobs ORDER BY line")]


def test_packs_come_in_by_redis_and_ctrl_c_ends_it_cleanly(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, [f"prompt {i}" for i in range(40)])
    worker = start_worker(slots=3)
    publish(broker_url, hand_out(sqlite_store))
    eventually(lambda: states(sqlite_store) == ["succeeded"] * 40, "the answers", 60)

    worker.signal(signal.SIGINT)

    assert worker.status() == 0, worker.log
    assert "Traceback" not in worker.log
    with sqlite_store.read() as c:
        assert hosts.listing(c) == []


def test_sigterm_lets_jobs_end_for_the_grace_time_and_hands_back_the_rest(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, ["quick", "endless", "waiting"])
    worker = start_worker(slots=2, delays={"quick": 0.5, "endless": 1e9}, settings={"grace_s": 1.0})
    publish(broker_url, hand_out(sqlite_store), pack=1)
    eventually(lambda: states(sqlite_store)[:2] == ["running"] * 2, "two under way", 60)

    worker.signal(signal.SIGTERM)

    assert worker.status() == 0, worker.log
    assert states(sqlite_store) == ["succeeded", "pending", "dispatched"]


def test_the_second_signal_ends_it_at_once(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, ["endless"])
    worker = start_worker(delays={"endless": 1e9}, settings={"grace_s": 600})
    publish(broker_url, hand_out(sqlite_store))
    eventually(lambda: states(sqlite_store) == ["running"], "the job under way", 60)

    worker.signal(signal.SIGTERM)
    eventually(lambda: "drains" in worker.log, "the drain", 10)
    worker.signal(signal.SIGTERM)

    assert worker.status() == 0, worker.log
    assert states(sqlite_store) == ["pending"]


def test_what_was_not_begun_goes_to_the_next_worker_without_being_sent_again(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, ["endless", *(f"prompt {i}" for i in range(20))])
    first = start_worker(slots=1, delays={"endless": 1e9}, settings={"grace_s": 0})
    publish(broker_url, hand_out(sqlite_store), pack=2)
    eventually(lambda: states(sqlite_store)[0] == "running", "the first job", 60)
    first.signal(signal.SIGTERM)
    assert first.status() == 0, first.log
    assert "dispatched" in states(sqlite_store)

    start_worker()

    eventually(lambda: states(sqlite_store).count("succeeded") == 20, "the rest", 60)


def test_a_worker_that_is_replaced_by_a_newer_one_beside_it_loses_nothing(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, [f"prompt {i}" for i in range(60)])
    old, new = (start_worker(host=host, slots=2, delay_s=0.05) for host in ("old", "new"))
    publish(broker_url, hand_out(sqlite_store), pack=2)
    eventually(lambda: len(who_answered(sqlite_store)) == 2, "answers of both", 60)

    old.signal(signal.SIGTERM)

    assert old.status() == 0, old.log
    eventually(lambda: states(sqlite_store) == ["succeeded"] * 60, "the answers", 60)
    assert ask(sqlite_store, "SELECT outcome, count(*) FROM attempts GROUP BY outcome") == [
        ("succeeded", 60)
    ]
    new.signal(signal.SIGTERM)
    assert new.status() == 0, new.log


def who_answered(store: Store) -> list[str]:
    rows = ask(store, "SELECT DISTINCT host FROM attempts WHERE outcome = 'succeeded'")
    return [host for (host,) in rows]


def test_after_kill_9_a_worker_of_the_same_name_takes_its_jobs_back_at_once(
    sqlite_store: Store, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, ["endless", "also endless"])
    dead = start_worker(delays={"endless": 1e9, "also endless": 1e9})
    publish(broker_url, hand_out(sqlite_store))
    eventually(lambda: states(sqlite_store) == ["running"] * 2, "two under way", 60)

    dead.signal(signal.SIGKILL)
    dead.status()
    start_worker()

    eventually(lambda: states(sqlite_store) == ["pending"] * 2, "the jobs to come back", 60)


def test_a_killed_broker_costs_no_job_that_runs_and_none_that_comes_later(
    sqlite_store: Store, redis_server: RedisServer, broker_url: str, start_worker: StartWorker
) -> None:
    submit(sqlite_store, ["slow", "later"])
    worker = start_worker(delays={"slow": 1.0})
    slow, later = hand_out(sqlite_store)
    publish(broker_url, [slow])
    eventually(lambda: states(sqlite_store)[0] == "running", "the first job", 60)

    redis_server.kill()
    eventually(lambda: states(sqlite_store)[0] == "succeeded", "its record", 60)
    redis_server.start()
    publish(broker_url, [later])

    eventually(lambda: states(sqlite_store)[1] == "succeeded", "the second job", 60)
    worker.signal(signal.SIGTERM)
    assert worker.status() == 0, worker.log
