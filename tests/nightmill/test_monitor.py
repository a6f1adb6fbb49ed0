"""`nightmill monitor` as a person uses it."""

import json
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from nightmill.embedded.datadir import DataDir
from tests.nightmill import mill_process
from tests.nightmill.conftest import Command, Start
from tests.nightmill.printed import check_printed
from tests.nightmill.processes import marked
from tests.waiting import eventually

ANYWHERE = "0.0.0.0"  # noqa: S104  (what must not work)


def get(url: str) -> str:
    # No proxy of the environment: it is this machine that is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def url_of(process: Any) -> str:
    said = json.loads(process.stdout.readline())
    check_printed("monitor", said)
    return str(said["url"])


def test_it_shows_a_run_that_begins_later_and_ctrl_c_ends_it(
    mill: Path, start: Start, mark: str
) -> None:
    monitor = start("monitor", "--port", "0", "--json")
    url = url_of(monitor)
    assert json.loads(get(f"{url}overview.json"))["batches"] == []

    rows = mill_process.write_rows(mill / "rows.jsonl", 6_000)
    run = start("run", str(rows), "-o", "answers.jsonl")
    seen = eventually(
        lambda: [each["hostname"] for each in json.loads(get(f"{url}workers?json=1"))["data"]],
        "the worker on Flower's page",
    )
    assert seen[0].startswith("fake@")
    assert mill_process.end_of(run)[0] == 0
    (batch,) = json.loads(get(f"{url}overview.json"))["batches"]
    assert (batch["state"], batch["finished"]) == ("completed", 6_000)
    assert "Overview" in get(url)

    monitor.send_signal(signal.SIGINT)
    status, _, said = mill_process.end_of(monitor)
    assert status == 130
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert marked(mark) == []


def test_sigterm_ends_it_too(start: Start) -> None:
    monitor = start("monitor", "--port", "0", "--json")
    url_of(monitor)
    monitor.send_signal(signal.SIGTERM)
    assert mill_process.end_of(monitor)[0] == 143


def test_it_says_where_to_look(start: Start) -> None:
    monitor = start("monitor", "--port", "0")
    assert monitor.stderr is not None
    said = monitor.stderr.readline()
    assert said.startswith("Open http://127.0.0.1:")


def test_no_variable_of_flowers_takes_effect(
    start: Start, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWER_ADDRESS", ANYWHERE)
    monkeypatch.setenv("FLOWER_PORT", "1")
    monkeypatch.setenv("FLOWER_URL_PREFIX", "elsewhere")
    monkeypatch.setenv("FLOWER_PERSISTENT", "true")
    monkeypatch.setenv("FLOWER_UNAUTHENTICATED_API", "true")
    # Flower runs such a file where it finds one.
    (home / "flowerconfig.py").write_text("raise SystemExit('somebody else had a word')")

    url = url_of(start("monitor", "--port", "0", "--json"))

    assert "Overview" in get(url)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(f"{url}api/tasks")
    assert not list(home.glob("flower*.db")) + list(home.glob("flower"))


def test_a_port_that_is_taken_is_told_with_the_way_out(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command("monitor", "--port", str(port))
    assert ended.status == 2
    assert f"Something else listens on port {port} of 127.0.0.1." in ended.err
    assert "--port" in ended.err


@pytest.mark.parametrize("address", [ANYWHERE, "::", "192.168.1.5", "studio.local"])
def test_pages_for_others_need_a_password(command: Command, address: str) -> None:
    ended = command("monitor", "--address", address, "--port", "0")
    assert ended.status == 2
    assert f"Expected a password for pages on {address}" in ended.err
    assert "`password_file` in [monitor]" in ended.err


def test_an_address_of_another_machine_is_told(command: Command, mill: Path) -> None:
    secret = mill / "password"
    secret.touch(mode=0o600)
    secret.write_text("open sesame")
    (mill / "own.toml").write_text(f'[monitor]\npassword_file = "{secret}"\n')
    ended = command("monitor", "--config", "own.toml", "--address", "192.0.2.1", "--port", "0")
    assert ended.status == 2
    assert "It is not possible to listen on port 0 of 192.0.2.1" in ended.err
    assert "sesame" not in ended.err


def test_a_password_from_a_file_opens_the_pages(start: Start, mill: Path) -> None:
    secret = mill / "password"
    secret.touch(mode=0o600)
    secret.write_text("open sesame\n")
    toml = mill_process.FAKE_POOL + f'[monitor]\nuser = "me"\npassword_file = "{secret}"\n'
    (mill / "nightmill.toml").write_text(toml)
    url = url_of(start("monitor", "--port", "0", "--json"))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(url)
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, url, "me", "open sesame")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(known)
    )
    with opener.open(f"{url}overview", timeout=30) as answer:
        assert answer.status == 200


def test_a_file_that_came_with_the_folder_opens_nothing(command: Command, mill: Path) -> None:
    (mill / "nightmill.toml").write_text(f'[monitor]\naddress = "{ANYWHERE}"\n')
    ended = command("monitor", "--port", "0")
    assert ended.status == 2
    assert "expected `monitor.address` from" in ended.err
    assert "to be on this machine" in ended.err


def test_the_data_directory_stays_closed_to_others(start: Start, home: Path) -> None:
    url_of(start("monitor", "--port", "0", "--json"))
    assert DataDir(home / "data").path.stat().st_mode & 0o077 == 0
