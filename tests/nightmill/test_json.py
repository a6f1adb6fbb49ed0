"""`--json` of every command is one object, as docs/output.schema.json has it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from jobs.states import JobState
from jobs.store import hosts, tunnels
from jobs.store.store import Store
from nightmill.bench.result import Run, judge
from nightmill.cli.app import COMMANDS, GROUPS
from tests.jobs.store.desk import Desk, outcome
from tests.jobs.store.test_hosts import STUDIO
from tests.jobs.store.test_tunnels import tunnel
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows
from tests.nightmill.printed import SCHEMA, check_printed

#: Held to the schema where they are started, they go on until they are stopped.
RUN_ON = {"dispatch", "monitor", "tunnel up", "up", "worker"}

#: Held to the schema in test_keeping.py: nobody may be using the store.
ALONE = {"restore"}

#: Held to the schema in services/test_cli.py, where nothing of this machine is changed.
SERVICES = {f"service {verb}" for verb in ("install", "uninstall", "status", "logs")}

#: Held to the schema in test_tunnel.py, beside a server that is dialled.
DIALLED = {"tunnel reload", "tunnel status", "tunnel trust", "tunnel doctor"}

#: Each with its arguments, in an order in which there is something to tell.
CALLS = {
    "submit": ["in.jsonl", "-o", "again.jsonl"],
    "edit": ["night", "--priority", "3", "--model", "fake"],
    "status": ["night", "--history"],
    "errors": ["night"],
    "results": ["night", "-o", "so-far.jsonl"],
    "retry": ["night", "--model", "fake"],
    "pause": ["night"],
    "resume": ["night"],
    "cancel": ["night"],
    "wait": ["night"],
    "run": ["in.jsonl", "-o", "out.jsonl", "--name", "night", "--model", "fake"],
    "batches": [],
    "models": [],
    "hosts": [],
    "check": [],
    "bench": ["queue"],
    "backup": ["safe.db"],
    "store copy": ["data/nightmill.db", "copy.db"],
    "tunnel print-ssh": ["--config", "tunnels.toml"],
    "tunnel forget": ["old"],
    "prune": ["--older-than", "30d", "--yes"],
    "delete": ["night", "--yes"],
}


TUNNEL = """
[tunnel.home]
servers = ["mill.example.org"]
local = [{listen = "127.0.0.1:6379", to = "127.0.0.1:6379"}]
"""


@pytest.fixture
def night(mill: Path, command: Command) -> None:
    """A batch with a row of every kind, a host that serves it, and two tunnels."""
    (mill / "tunnels.toml").write_text(TUNNEL)
    write_rows(mill / "in.jsonl", 4)
    with (mill / "in.jsonl").open("a") as file:
        file.write("no JSON\n")
    command("submit", "in.jsonl", "-o", "out.jsonl", "--name", "night", "--model", "fake")
    store = Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")
    desk = Desk(store)
    with store.write() as c:
        hosts.announce(c, msgspec.structs.replace(STUDIO, pool="fake"))
        tunnels.take(c, tunnel(name="old", pools=("far",)))
        tunnels.leave(c, "old", "first")
    failed, answered, _ = desk.claim(desk.dispatch(3, "fake"))
    desk.record(outcome(failed, JobState.FAILED), outcome(answered))
    store.close()


@pytest.fixture
def quick_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that measures nothing."""
    result = judge("queue", [Run(ours=2.0, peer=1.0)], hold=1.0, unit="jobs/s")
    measure: Callable[..., object] = lambda *_: result  # noqa: E731  (its type is said)
    monkeypatch.setattr("nightmill.bench.run", measure)


def test_every_command_prints_what_is_written_down(
    command: Command, night: None, quick_bench: None
) -> None:
    for name, arguments in CALLS.items():
        ended = command(*name.split(), *arguments, "--json")

        assert ended.status in {0, 1}, (name, ended.err)
        assert ended.out.count("\n") == 1, name
        check_printed(_key(name), ended.json)
        assert "row 1" not in ended.out, f"{name} shows a prompt or an answer"


def test_every_command_is_written_down_and_tried() -> None:
    names = {each.__name__ for each in COMMANDS}
    in_groups = {
        f"{group} {each.name or each.callback.__name__}"
        for group, app in GROUPS.items()
        for each in app.registered_commands
        if each.callback is not None
    }

    assert names | in_groups == CALLS.keys() | RUN_ON | ALONE | DIALLED | SERVICES
    assert {_key(name) for name in names | in_groups} <= SCHEMA["$defs"].keys()


def test_the_schema_is_one_and_holds_what_is_printed_to_its_fields() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    good = {"schema": 1, "id": "b-1", "cancelled": 3, "job": None}
    check_printed("cancel", good)
    for bad in ({**good, "more": 1}, {**good, "cancelled": "3"}, {**good, "schema": 2}, {}):
        with pytest.raises(AssertionError, match="cancel --json is not"):
            check_printed("cancel", bad)


def _key(name: str) -> str:
    """Where a command stands in the schema."""
    return name.replace(" ", "_").replace("-", "_")
