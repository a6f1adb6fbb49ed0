"""A process dies right before or after each commit and each call to the broker; nothing is lost.

The quick suite tries a seeded few of the points, and `just test-long` all the others. That none is
forgotten is read from the source and from what processes really pass.
"""

import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.chaos import crash_scenes as scenes
from tests.chaos.crash_mill import Home, Nursery
from tests.chaos.crash_points import ACKNOWLEDGING, PASSED, Case, all_cases
from tests.chaos.crash_scenes import Crash
from tests.chaos.crash_sites import commit_sites, doors, functions_that_call
from tests.worker.conftest import RedisServer

#: Another one tries other points.
SEED = 20261124

#: How many points of a scene the quick suite tries on a database; else one, and not on Postgres.
TRIED = {
    (scenes.dispatching, "sqlite"): 3,
    (scenes.dispatching, "postgres"): 1,
    (scenes.working, "sqlite"): 4,
    (scenes.working, "postgres"): 1,
    (scenes.making_a_postgres_store, "postgres"): 1,
}

#: What the product calls to speak to the broker by itself; what Celery calls, a test sees.
BROKER_CALLS = frozenset({"send_task", "send_task_message", "ensure_connection", "ping", "llen"})


def quick_cases() -> set[Case]:
    cases = defaultdict(list)
    for case in all_cases():
        cases[case.scene, case.database].append(case)
    rng = random.Random(SEED)
    return {
        case
        for key, those in cases.items()
        for case in rng.sample(those, TRIED.get(key, int("postgres" not in key)))
    }


QUICK = quick_cases()


def as_parameters(cases: list[Case]) -> list[object]:
    """The cases and their databases, those that are not quick for the long suite only."""
    long = pytest.mark.long
    return [
        pytest.param(case, case.database, id=str(case), marks=() if case in QUICK else long)
        for case in cases
    ]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisServer]:
    # Short: the path of a Unix socket has 100 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="nm-crash-", dir="/tmp"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
def home(
    nursery: Nursery, broker: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Home]:
    """A home with an empty store, and a broker that knows nothing, scripts included."""
    broker.flush()
    with redis.Redis(unix_socket_path=broker.url.partition("://")[2]) as client:
        client.script_flush()
    home = Home(
        path=tmp_path / "home",
        nursery=nursery,
        store_url=store_url_of(getattr(request, "param", "sqlite"), request, tmp_path),
        broker_url=broker.url,
    )
    yield home
    home.close()


def store_url_of(database: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if database == "new-sqlite":
        return f"sqlite:///{folder / 'new.db'}"
    return str(request.getfixturevalue(f"{database}_url"))


@pytest.mark.parametrize(("case", "home"), as_parameters(all_cases()), indirect=["home"])
def test_whoever_dies_here_and_is_started_again_loses_and_repeats_nothing(
    case: Case, home: Home
) -> None:
    case.scene(home, case.crash)


@pytest.mark.parametrize(
    "crash",
    [
        Crash("worker.commit.Commits.commit:claim:after"),
        pytest.param(Crash("worker.commit.Commits.commit:claim:before"), marks=pytest.mark.long),
        pytest.param(Crash("worker.commit.Commits.commit:record:after"), marks=pytest.mark.long),
        pytest.param(Crash("worker.program.Program.run:BRPOP:after"), marks=pytest.mark.long),
    ],
    ids=lambda crash: crash.point,
)
def test_a_run_goes_on_by_itself_when_its_worker_dies(crash: Crash, home: Home) -> None:
    scenes.running_on(home, crash)


def test_every_commit_of_the_product_is_a_point_to_die_at() -> None:
    listed = {name.partition(":")[0] for names in PASSED.values() for name in names}
    assert commit_sites() - listed == set(), "name these in tests/chaos/crash_points.py"


def test_nothing_commits_but_through_the_doors_that_are_watched() -> None:
    watched = {"store.Store.write", "store.Store.compact", "migrate._transaction"}
    watched |= {"copying.opened", "vacancy.held_database"}
    only_reading = {"store.Store.read", "leadership._FilesLock.is_held"}
    only_reading |= {"snapshot.snapshot", "vacancy._refuse_living"}
    only_locking = {"leadership._ServersLock._connect"}
    names = watched | only_reading | only_locking
    assert doors() == {f"jobs.store.{name}" for name in names}


def test_every_call_of_ours_to_the_broker_is_a_point_to_die_at() -> None:
    listed = {name.partition(":")[0] for names in PASSED.values() for name in names}
    assert functions_that_call(BROKER_CALLS) - listed == set()


def test_what_processes_pass_from_submit_to_delete_are_all_points_to_die_at(home: Home) -> None:
    passed = home.path / "passed"
    home.passed = str(passed)
    scenes.living_a_whole_life(home)

    seen = {line.rpartition(":")[0] for line in passed.read_text().split()}
    listed = {name for names in PASSED.values() for name in names}
    assert seen - listed == set(), "name these in tests/chaos/crash_points.py"
    assert "worker.commit.Commits.commit:record" in seen
    assert f"{ACKNOWLEDGING}:ZREM+HDEL" in seen
