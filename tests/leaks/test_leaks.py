"""Nothing leaves: every case runs where each packet off loopback is counted, and none is."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.leaks import namespaces
from tests.leaks.cases import ANSWERED, CASES, CLOSED

#: Controls by the protocol that they use.
CONTROLS = {
    "control: a datagram": "UDP 203.0.113.9",
    "control: a connection": "TCP 203.0.113.9",
    "control: a name": "UDP 203.0.113.53",
}
OTHERS = {
    "a model that a hub has": {"unknown_model, answered", "no mlx"},
    "settings that lead elsewhere": {"refused"},
    "the command line in a hostile environment": {"models 0, check 0, run 0"},
    "looking for servers in a hostile environment": {"models 0, found: True"},
    "another server that redirects": {"privacy"},
}


@pytest.fixture(scope="session")
def came(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of all cases. They run once, whoever of the test processes comes first."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "leaks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answers = folder / "leaks.json"
        if not answers.exists():
            answers.write_text(_run_in_namespaces())
    found: dict[str, Any] = json.loads(answers.read_text())
    if why_not := found.get("why not"):
        # Also in CI: what a kernel allows is nothing that could be installed there.
        pytest.skip(why_not)
    return found


def _run_in_namespaces() -> str:
    if why_not := namespaces.why_none():
        return json.dumps({"why not": f"no namespace with a tunnel can be made here: {why_not}"})
    done = namespaces.run_inside("-m", "tests.leaks.world")
    done.check_returncode()
    return done.stdout


@pytest.mark.parametrize("control", CONTROLS)
def test_what_leaves_is_counted(came: dict[str, Any], control: str) -> None:
    assert CONTROLS[control] in came[control]["packets"]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="the kernel has no IPv6")
def test_what_leaves_by_ipv6_is_counted(came: dict[str, Any]) -> None:
    assert came["control: a datagram by IPv6"]["packets"] == ["UDP 2001:db8:1::9"]


def test_there_are_enough_cases() -> None:
    assert len(CASES) + len(OTHERS) >= 30


@pytest.mark.parametrize("name", CASES)
def test_no_prompt_leaves(came: dict[str, Any], name: str) -> None:
    case, outcome = CASES[name], came[name]
    assert outcome["packets"] == []
    assert outcome["leaked"] == []
    assert outcome["keys"] == []
    assert outcome["ends"] == case.ends
    assert not outcome["reached"] or case.may_reach_daemon


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.faults])
def test_after_a_breach_nothing_more_is_sent(came: dict[str, Any], name: str) -> None:
    assert came[name]["after"] == "backend_failed"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.ends == CLOSED])
def test_a_pool_that_does_not_open_does_not_answer(came: dict[str, Any], name: str) -> None:
    assert came[name]["after"] not in {ANSWERED, "offered"}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_leaves_either(came: dict[str, Any], name: str) -> None:
    assert came[name]["packets"] == []
    assert came[name]["ends"] in OTHERS[name]
    assert came[name].get("leaked", []) == []
