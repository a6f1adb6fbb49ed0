"""`pause` and `resume`: what a word names, what is said meanwhile, and what waits through it."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from jobs.model import Counts
from jobs.store import hosts, pauses, rests
from jobs.store.hosts import Rest
from jobs.store.store import Store
from nightmill import Client
from nightmill.cli import rests as words
from nightmill.cli.onlooker import it_waits
from nightmill.cli.progress import figures
from nightmill.rests import PoolRest
from nightmill.status import status_of
from tests.jobs.store.test_hosts import STUDIO
from tests.nightmill.conftest import Command, Start
from tests.nightmill.mill_process import FAKE_POOL, read_rows, write_rows
from tests.nightmill.printed import check_printed
from tests.nightmill.samples import BATCH
from tests.waiting import eventually

#: A Tuesday at noon, in the local time of whoever runs this.
NOON = time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))
HOUR = 3600.0


@pytest.fixture
def night(mill: Path, command: Command) -> str:
    """A batch of three rows."""
    write_rows(mill / "in.jsonl", 3)
    return command("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night").out.strip()


@pytest.fixture
def store(mill: Path, night: str) -> Iterator[Store]:
    with closing(Store.open(f"sqlite:///{mill}/data/nightmill.db")) as store:
        yield store


def test_a_batch_is_paused_and_resumed(command: Command, night: str) -> None:
    paused = command("pause", "night", "--reason", "not  now", "--json")
    check_printed("pause", paused.json)
    assert paused.json == {
        "schema": 1,
        "id": night,
        "paused_until": None,
        "reason": "not now",
    }
    status = command("status", night, "--json").json
    check_printed("status", status)
    assert (status["paused_reason"], status["paused_until"]) == ("not now", None)
    assert "@" in status["paused_by"]
    assert f"paused: not now; nightmill resume {night}" in command("status", night).out
    assert "(not now)" in command("batches").out

    assert "goes on" in command("resume", night).err
    assert "is not paused" in command("resume", night).err
    status = command("status", night, "--json").json
    assert (status["paused_reason"], status["paused_by"]) == (None, None)


def test_a_pool_is_paused_for_a_while_and_whoever_asks_is_told_until_when(
    command: Command, night: str, store: Store
) -> None:
    with store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, name="fake@here", pool="fake"))

    paused = command("pause", "fake", "--for", "2h", "--json")

    check_printed("pause", paused.json)
    until = paused.json["paused_until"]
    assert paused.json["pool"] == "fake"
    assert until == pytest.approx(time.time() + 2 * HOUR, abs=60)
    status = command("status", night, "--json").json
    assert status["rests"] == [
        {"pool": "fake", "because": "paused", "until": until, "reason": paused.json["reason"]}
    ]
    said = f"pool fake is paused until {words.clock(until)}: by "
    assert said in command("status", night).out
    assert said in command("batches").out
    assert "resting" in command("batches").out
    listed = command("hosts", "--json")
    check_printed("hosts", listed.json)
    assert [host["state"] for host in listed.json["hosts"]] == ["resting"]
    assert said in command("hosts").out

    resumed = command("resume", "fake", "--json")
    check_printed("resume", resumed.json)
    assert resumed.json == {"schema": 1, "pool": "fake", "resumed": True}
    assert "pool fake is not paused" in command("resume", "fake").err


def test_a_pause_says_how_to_end_it_and_until_when(command: Command, night: str) -> None:
    assert "pool fake is paused: nightmill resume fake lets it go on." in (
        command("pause", "fake").err
    )
    ended = command("pause", "fake", "--for", "90m")
    assert "is paused: until " in ended.err
    assert f"{night} is paused: nightmill resume night" in command("pause", "night").err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nobody",), "It is no pool either: served or configured here is fake"),
        (("pool:nobody",), "There is no pool nobody: served or configured here is fake"),
        (("fake", "--for", "soon"), "expected a duration such as 90s"),
        (("fake", "--for", "0s"), "more than 0 s"),
        (("fake", "--reason", "x" * 201), "expected a reason of up to 200 characters"),
        (("fake", "--reason", "a\x07b"), "that can be shown on a line"),
    ],
)
def test_what_cannot_be_paused_is_wrong_use(
    command: Command, night: str, args: tuple[str, ...], said: str
) -> None:
    ended = command("pause", *args)

    assert ended.status == 2
    # However the help wraps it.
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert command("status", night, "--json").json["rests"] == []


def test_a_batch_that_is_over_is_not_paused(command: Command, night: str) -> None:
    command("cancel", night)

    ended = command("pause", night)

    assert ended.status == 2
    assert f"{night} is cancelled: nothing of it runs" in ended.err


def test_a_word_that_is_a_batch_and_a_pool_asks_which(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)
    batch = command("submit", "in.jsonl", "--name", "fake").out.strip()

    for verb in ("pause", "resume"):
        asked = command(verb, "fake")
        assert asked.status == 2
        assert f"Say {batch} for the batch, or pool:fake for the pool" in asked.err

    assert command("pause", "pool:fake", "--json").json["pool"] == "fake"
    assert command("pause", batch, "--json").json["id"] == batch


def test_a_pool_that_is_paused_can_be_resumed_when_nobody_knows_it_any_more(
    command: Command, night: str, store: Store
) -> None:
    with store.write() as c:
        rests.pause(c, "gone", "filming")

    assert "pool gone works again" in command("resume", "gone").err


def test_the_word_of_a_user_ends_the_pause_of_the_brake_too(
    command: Command, night: str, store: Store
) -> None:
    with store.write() as c:
        pauses.pause(c, night, "70 of its last 100 rows failed")

    command("pause", night, "--for", "1h")

    status = command("status", night, "--json").json
    assert status["paused_by"] != "brake"
    assert status["paused_until"] is not None


def test_a_program_pauses_and_resumes(night: str) -> None:
    with Client() as client:
        client.pause("fake", for_s=60)
        client.pause(night, reason="not now")
        status = client.status(night)
        assert [rest.pool for rest in status.rests] == ["fake"]
        assert status.paused_reason == "not now"
        assert client.resume("fake")
        assert client.resume(night)
        assert not client.resume(night)


def test_waiting_goes_on_through_the_pause_of_a_user(
    command: Command, night: str, start: Start, mill: Path
) -> None:
    command("pause", night, "--reason", "not now")
    waiting = start("wait", night)
    lines = _Lines(waiting.stderr)
    eventually(
        lambda: "Waiting, as it is paused: not now (nightmill resume " in lines.text,
        "what it waits for",
    )

    command("resume", night)

    assert end_of_run(waiting) == 0, lines.text
    assert len(read_rows(mill / "out.jsonl")) == 3


def test_a_run_outside_the_hours_of_its_pool_says_so_at_once_and_waits(
    mill: Path, start: Start, command: Command
) -> None:
    now = time.localtime()
    begins, ends = ((now.tm_hour + hours) % 24 for hours in (6, 8))
    hours = f'hours = "{begins:02}:00-{ends:02}:00"\n'
    (mill / "nightmill.toml").write_text(FAKE_POOL + hours)
    write_rows(mill / "in.jsonl", 3)

    running = start("run", "in.jsonl", "-o", "out.jsonl", "--name", "night")

    lines = _Lines(running.stderr)
    said = f"Waiting, as pool fake rests until {begins:02}:00, its hours."
    eventually(lambda: said in lines.text, "what it waits for")
    eventually(lambda: command("status", "night", "--json").json["rests"], "the worker")
    assert running.poll() is None
    assert lines.text.count(said) == 1
    running.terminate()
    assert end_of_run(running) == 143


class _Lines:
    """What a process says, read on a thread."""

    def __init__(self, stream: object) -> None:
        self._said: list[str] = []
        self._stream = stream
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def text(self) -> str:
        return "".join(self._said)

    def _read(self) -> None:
        for line in self._stream:  # type: ignore[attr-defined]
            self._said.append(line)


def end_of_run(process: object) -> int:
    """The exit status of a process whose output is read elsewhere."""
    return int(process.wait(60))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("in_hours", "shown"),
    [
        (2, "14:00"),
        # The night that comes is meant, whatever the date.
        (10 + 1 / 60, "22:01"),
        (11.5, "23:30"),
        (13, "Wed 01:00"),
        (58, "Thu 22:00"),
        (24 * 20, "2026-12-14 12:00"),
        (-1, "2026-11-24 11:00"),
    ],
)
def test_a_moment_is_named_as_shortly_as_it_can_be(in_hours: float, shown: str) -> None:
    # A blink before, by another clock.
    assert words.clock(NOON + in_hours * HOUR - 0.01, NOON) == shown


def test_a_rest_is_told_in_words() -> None:
    nightly = PoolRest(pool="mlx", because="hours", until=NOON + 10 * HOUR, reason="")
    assert words.of_pool(nightly, NOON) == "pool mlx rests until 22:00, its hours"
    for_good = msgspec.structs.replace(nightly, because="paused", until=None, reason="filming")
    assert words.of_pool(for_good) == "pool mlx is paused: filming"
    assert it_waits("pool mlx is paused: filming") == "Waiting, as pool mlx is paused: filming."


def test_a_batch_waits_for_a_rest_only_where_all_of_its_pools_rest() -> None:
    resting = {"mlx": Rest(because="paused", until=None, reason="filming")}
    counts = Counts(pending=3)

    both = status_of(BATCH, counts, pools=("mlx", "ollama"), resting=resting)
    alone = status_of(BATCH, counts, pools=("mlx",), resting=resting)

    assert [rest.pool for rest in both.rests] == ["mlx"]
    assert words.why_nothing_begins(both) == ""
    assert words.why_nothing_begins(alone) == "pool mlx is paused: filming"
    assert figures(alone) == "0 of 3 done, pool mlx is paused: filming"
    running = status_of(BATCH, Counts(running=1, pending=2), pools=("mlx",), resting=resting)
    assert "paused" not in figures(running)
