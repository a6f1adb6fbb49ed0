import pytest

from jobs.errors import StoppedEarlyError
from jobs.store import hosts
from jobs.store.store import Store
from nightmill.bench import leases, run
from nightmill.bench.leases import Load, keep_alive, require_beats, require_silence
from nightmill.bench.options import BenchOptions

HOST = hosts.HostRow(
    name="null@bench",
    session="a",
    pool="null",
    slots=4,
    models=("null",),
    machine="none",
    version="0",
)


@pytest.fixture
def host_store(sqlite_store: Store) -> Store:
    """A store that knows one host, which has not been heard of since."""
    with sqlite_store.write() as c:
        hosts.announce(c, HOST)
    return sqlite_store


def test_the_leases_bench_measures_with_and_without_them(
    tiny: BenchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOADS", (Load(name="a few held", slots=4, answer_s=0.01),))

    result = run("leases", tiny)

    assert result.name == "leases on sqlite, a few held"
    assert result.ours > 0
    assert result.peer > 0
    assert 0 < result.detail["jobs_held_at_once"] <= 100
    assert list(tiny.folder.iterdir()) == []


def test_a_host_that_keeps_silent_gets_jobs_all_the_same(host_store: Store) -> None:
    keep_alive(host_store)

    require_silence(host_store)
    with host_store.read() as c:
        assert [host.name for host in hosts.living(c)] == [HOST.name]


def test_a_heartbeat_on_the_side_without_is_found_out(host_store: Store) -> None:
    keep_alive(host_store)
    with host_store.write() as c:
        hosts.seen(c, HOST.name, HOST.session)

    with pytest.raises(StoppedEarlyError, match="The side without heartbeats had one"):
        require_silence(host_store)


def test_silence_on_the_side_with_heartbeats_is_found_out(host_store: Store) -> None:
    with pytest.raises(StoppedEarlyError, match="The side with heartbeats had none"):
        require_beats(host_store, within_s=0)

    with host_store.write() as c:
        hosts.seen(c, HOST.name, HOST.session)
    require_beats(host_store)
