"""What is said of a batch that was handed in, and may not be done: before its night, not after."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from jobs.model import Counts
from jobs.settings import Settings
from jobs.store import hosts
from jobs.store.hosts import Rest
from jobs.store.store import Store
from nightmill.cli.outlook import too_late, unserved
from nightmill.status import Status, status_of
from tests.jobs.store.test_hosts import STUDIO
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import FAKE_POOL, write_rows
from tests.nightmill.samples import BATCH

#: A Tuesday at noon, in the local time of whoever runs this.
NOON = time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))
HOUR = 3600.0
MLX = {"mlx": {"backend": "mlx", "hours": ["22:00-07:00"]}}


def batch(
    resting: dict[str, Rest] | None = None,
    *,
    hosts_of: tuple[hosts.HostRow, ...] = (),
    deadline: float | None = None,
) -> Status:
    of = msgspec.structs.replace(BATCH, deadline=deadline)
    return status_of(of, Counts(pending=3), hosts_of, ("mlx",), resting=resting)


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_a_pool_that_nobody_serves_is_told_with_the_way_out() -> None:
    here = settings(pools=MLX)
    with_broker = settings(pools=MLX, broker={"url": "redis://127.0.0.1:1/0"})

    (said,) = unserved(batch(), here)
    assert said == (
        "No worker serves pool mlx now: `nightmill wait b-1` runs the batch, `nightmill up` all"
        " that there is."
    )
    assert "`nightmill worker mlx` does, or `nightmill up`" in unserved(batch(), with_broker)[0]
    assert unserved(batch(hosts_of=(STUDIO,)), here) == []


def test_a_command_that_runs_the_batch_serves_what_is_configured_here() -> None:
    elsewhere = settings(pools={"fake": {"backend": "fake"}})

    assert unserved(batch(), settings(pools=MLX), is_run_here=True) == []
    (said,) = unserved(batch(), elsewhere, is_run_here=True)
    assert "it is not configured here, so `nightmill worker mlx` where it is" in said
    assert "`nightmill edit b-1 --pool NAME`" in said


@pytest.mark.parametrize(("in_hours", "is_told"), [(8, True), (10, True), (11, False)])
def test_a_deadline_before_the_hours_of_its_pool_is_told_with_both_times(
    in_hours: int, *, is_told: bool
) -> None:
    deadline = NOON + in_hours * HOUR

    said = list(too_late(batch(deadline=deadline), settings(pools=MLX), NOON))

    both = f"The deadline at {12 + in_hours}:00 passes before pool mlx opens at 22:00"
    assert said == [f"{both}: what waits for it then expires."] * is_told


def test_the_rest_of_a_pool_that_is_served_elsewhere_counts_too() -> None:
    deadline = NOON + HOUR
    closed = {"mlx": Rest(because="hours", until=NOON + 2 * HOUR)}
    paused = {"mlx": Rest(because="paused", until=NOON + 2 * HOUR, reason="filming")}

    for resting, begins in ((closed, "opens"), (paused, "goes on")):
        found = batch(resting, hosts_of=(STUDIO,), deadline=deadline)
        (said,) = too_late(found, settings(pools=MLX), NOON)
        assert f"The deadline at 13:00 passes before pool mlx {begins} at 14:00" in said


def test_where_nothing_is_late_nothing_is_said() -> None:
    by_night = settings(pools=MLX)
    for_good = {"mlx": Rest(because="paused", until=None, reason="filming")}

    assert list(too_late(batch(), by_night, NOON)) == []
    assert list(too_late(batch(deadline=NOON + HOUR), by_night, NOON - 6 * HOUR)) == []
    paused = batch(for_good, hosts_of=(STUDIO,), deadline=NOON + HOUR)
    assert list(too_late(paused, by_night, NOON)) == []


@pytest.fixture
def store(mill: Path, command: Command) -> Iterator[Store]:
    """A store without a batch."""
    command("batches")
    with closing(Store.open(f"sqlite:///{mill}/data/nightmill.db")) as store:
        yield store


def test_submit_tells_that_nobody_serves_its_pool(
    command: Command, mill: Path, store: Store
) -> None:
    write_rows(mill / "in.jsonl", 1)
    alone = command("submit", "in.jsonl")
    told = command("submit", "in.jsonl", "--json").json
    with store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="fake@here", pool="fake"))
    served = command("submit", "in.jsonl")

    assert alone.status == served.status == 0
    assert "No worker serves pool fake now: `nightmill wait b-" in alone.err
    assert told["unserved"] == ["fake"]
    assert told["warnings"][0] in alone.err
    assert "No worker" not in served.err


def test_submit_run_and_edit_tell_of_a_deadline_before_the_hours(
    command: Command, mill: Path
) -> None:
    now = time.localtime()
    begins, ends = ((now.tm_hour + hours) % 24 for hours in (6, 8))
    (mill / "nightmill.toml").write_text(FAKE_POOL + f'hours = "{begins:02}:00-{ends:02}:00"\n')
    write_rows(mill / "in.jsonl", 1)
    submit = ("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night")
    said = f"passes before pool fake opens at {begins:02}:00: what waits for it then expires."

    assert said in command(*submit, "--deadline", "1h").err
    assert said in command("edit", "night", "--deadline", "2h").err
    assert said in command("edit", "night", "--deadline", "2h", "--json").json["warnings"][0]
    assert "passes before" not in command("edit", "night", "--deadline", "9h").err
    assert said in command("run", *submit[1:], "--deadline", "1s").err
