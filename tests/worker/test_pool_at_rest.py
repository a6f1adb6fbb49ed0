"""A pool at rest, through real processes: a worker, a dispatcher, Redis, and the store between."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.hours import local_time
from jobs.settings import Settings
from jobs.settings_pools import PoolSettings
from jobs.store import actions, batches, hosts
from jobs.store.store import Store
from nightmill import pausing
from nightmill.embedded.dispatching import DispatcherThread
from nightmill.looking import look
from tests.waiting import eventually
from tests.worker.conftest import Process
from tests.worker.world import POOL, ask, submit

StartWorker = Callable[..., Process]

ENDLESS = ["endless 1", "endless 2"]
DELAYS = dict.fromkeys(ENDLESS, 1e9)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, pools={POOL: PoolSettings(backend="fake")})


@pytest.fixture
def dispatched(
    settings: Settings, sqlite_store: Store, sqlite_url: str, broker_url: str
) -> Iterator[Store]:
    """A store whose jobs are handed out."""
    here = Settings(
        data_dir=settings.data_dir,
        pools=settings.pools,
        store={"url": sqlite_url},  # type: ignore[arg-type]  (read as from a file)
    )
    dispatcher = DispatcherThread(here, sqlite_store, broker_url)
    yield sqlite_store
    dispatcher.stop()


def states(store: Store) -> list[str]:
    return [state for (state,) in ask(store, "SELECT state FROM jobs ORDER BY line")]


def let_the_endless_end(store: Store) -> None:
    """The same prompts are answered at once from now on."""
    with store.write() as c:
        c.exec_driver_sql("UPDATE requests SET body = replace(body, 'endless', 'quick')")


def test_pausing_a_pool_hands_back_what_runs_and_resuming_it_loses_nothing(
    dispatched: Store, settings: Settings, start_worker: StartWorker
) -> None:
    store = dispatched
    batch = submit(store, [*ENDLESS, "three", "four", "five"])
    start_worker(slots=2, delays=DELAYS, settings={"grace_s": 1})
    eventually(lambda: states(store)[:2] == ["running"] * 2, "two under way")

    pausing.pause(settings, store, POOL, "filming")

    eventually(lambda: states(store) == ["pending"] * 5, "the jobs to be handed back")
    status = look(store, batch)
    assert [(rest.because, rest.until, rest.reason) for rest in status.rests] == [
        ("paused", None, "filming")
    ]
    assert not status.unserved
    assert (
        ask(store, "SELECT outcome, errors, crashes FROM attempts JOIN jobs ON id = job_id")
        == [("handed_back", 0, 0)] * 2
    )

    let_the_endless_end(store)
    pausing.resume(settings, store, POOL)

    eventually(lambda: states(store) == ["succeeded"] * 5, "the answers")
    assert look(store, batch).rests == ()
    assert ask(store, "SELECT errors, crashes, suspect FROM jobs") == [(0, 0, 0)] * 5


def test_a_pool_paused_for_a_while_works_again_by_itself(
    dispatched: Store, settings: Settings, start_worker: StartWorker
) -> None:
    store = dispatched
    start_worker()
    pausing.pause(settings, store, POOL, for_s=3600)
    eventually(lambda: ask(store, "SELECT rests_because FROM hosts") == [("paused",)], "the rest")
    submit(store, ["one"])

    with store.write() as c:
        c.exec_driver_sql("UPDATE pools SET paused_until = paused_until - 3600")

    eventually(lambda: states(store) == ["succeeded"], "the answer")
    eventually(lambda: ask(store, "SELECT paused FROM pools") == [(0,)], "its row")
    done = ask(store, "SELECT verb, who FROM actions WHERE pool = :pool ORDER BY id", pool=POOL)
    assert [verb for verb, _ in done] == ["pause", "resume"]
    assert done[1][1] == "dispatcher"


def test_a_batch_paused_for_a_while_goes_on_by_itself_and_what_runs_of_it_ends(
    dispatched: Store, settings: Settings, start_worker: StartWorker
) -> None:
    store = dispatched
    batch = submit(store, [*ENDLESS, "three", "four"])
    start_worker(slots=2, delays=DELAYS, settings={"grace_s": 0})
    eventually(lambda: states(store)[:2] == ["running"] * 2, "two under way")

    paused = pausing.pause(settings, store, batch, for_s=3600)

    assert states(store) == ["running"] * 2 + ["pending"] * 2
    status = look(store, batch)
    assert status.paused_until == paused.until
    assert status.paused_by not in {None, "brake"}
    assert not status.needs_a_look
    with store.write() as c:
        c.exec_driver_sql("UPDATE batches SET paused_until = paused_until - 3600")
    eventually(lambda: look(store, batch).paused_reason is None, "its end")
    with store.read() as c:
        assert [action.verb for action in actions.of_batch(c, batch)] == ["pause", "resume"]
        assert batches.get(c, batch).paused_by == ""


def test_outside_its_hours_a_worker_rests_and_works_again_when_they_begin(
    dispatched: Store, start_worker: StartWorker, tmp_path: Path
) -> None:
    store, ahead = dispatched, tmp_path / "ahead"
    ahead.write_text("0")
    with store.read() as c:
        now = local_time(c.exec_driver_sql("SELECT unixepoch()").scalar_one())
    start, end = now - timedelta(hours=1), now + timedelta(hours=3)
    batch = submit(store, ENDLESS)
    start_worker(
        delays=DELAYS,
        settings={"grace_s": 0},
        hours=[f"{start:%H:%M}-{end:%H:%M}"],
        ahead=str(ahead),
    )
    eventually(lambda: states(store) == ["running"] * 2, "two under way")

    ahead.write_text(str(6 * 3600))

    eventually(lambda: states(store) == ["pending"] * 2, "the jobs to be handed back")
    (rest,) = look(store, batch).rests
    assert rest.because == "hours"
    assert rest.until is not None
    assert f"{local_time(rest.until):%H:%M}" == f"{start:%H:%M}"

    let_the_endless_end(store)
    ahead.write_text(str(24 * 3600))
    eventually(lambda: states(store) == ["succeeded"] * 2, "the answers")
    with store.read() as c:
        (host,) = hosts.listing(c)
    assert host.rest is None


@pytest.mark.parametrize("word", ["nobody", "pool:nobody", "b-0"])
def test_what_there_is_not_is_not_paused(
    sqlite_store: Store, settings: Settings, word: str
) -> None:
    with pytest.raises(UsageError, match=f"served or configured here is {POOL}"):
        pausing.pause(settings, sqlite_store, word)
