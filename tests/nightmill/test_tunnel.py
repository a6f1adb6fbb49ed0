"""`nightmill tunnel` beside a real sshd: up, asked, reloaded, ended, and what it wants first."""

import json
import os
import re
import signal
import socket
from contextlib import closing
from pathlib import Path

import asyncssh
import pytest

from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelReport, TunnelState
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import end_of, start_in_a_terminal
from tests.nightmill.printed import check_printed
from tests.nightmill.road import Road
from tests.waiting import eventually

#: A tunnel of the same name on another machine.
ELSEWHERE = TunnelRow(
    name="home",
    session="another",
    guard="laptop's",
    brings=False,
    pools=(),
    machine="laptop",
    version="0.1.0",
    report=TunnelReport(name="home", state=TunnelState.UP),
)


def test_it_comes_up_is_seen_from_elsewhere_and_ends_with_its_signal(road: Road) -> None:
    process = road.up("home", "--json")
    report = road.wait_until("up")

    assert road.page(road.ports[0]) == "hello"
    assert report["server"] == f"127.0.0.1:{road.sshd.port}"
    assert report["forwards"][0]["rtt_ms"] > 0
    said = road.ask("status")
    assert (said.status, "answers in" in said.out) == (0, True)
    eventually(lambda: [each["is_alive"] for each in road.listed()] == [True], "the lease")
    check_printed("hosts", road.command("hosts", "--json").json)

    process.send_signal(signal.SIGTERM)
    status, out, err = end_of(process)

    assert status == 143, err
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        check_printed("tunnel_up", line)
    assert [line["report"]["state"] for line in lines].count("up") == 1
    assert "[tunnel_up]" in err
    assert road.listed() == []
    assert (road.ask("status").status, road.report()) == (1, None)


def test_ctrl_c_ends_it_as_it_ends_other_commands(road: Road) -> None:
    process = road.up()
    road.wait_until("up")
    process.send_signal(signal.SIGINT)
    assert end_of(process)[0] == 130


def test_it_ends_without_a_word_of_faults_when_its_reader_has_read_enough(road: Road) -> None:
    process = road.up("--json")
    road.wait_until("up")
    assert process.stdout is not None
    process.stdout.close()

    road.sshd.stop()

    status, _, err = end_of(process)
    assert (status, "fault" in err, "Traceback" in err) == (141, False, False), err


def test_it_ends_with_the_terminal_that_it_was_started_from(road: Road) -> None:
    process, terminal = start_in_a_terminal("tunnel", "up", "--config", str(road.file))
    try:
        road.wait_until("up")
        os.close(terminal)
        assert process.wait(60) == 143
    finally:
        process.kill()
        process.wait()


def test_a_store_that_does_not_answer_is_blamed_on_the_tunnel_that_brings_it(road: Road) -> None:
    road.file.write_text(
        f'{road.file.read_text()}\n[store]\nurl = "postgresql://m@127.0.0.1:{road.ports[0]}/m"\n'
    )
    asked = road.command("hosts", f"--config={road.file}")
    way_out = f"does not run here: `nightmill tunnel up home --config {road.file}`."
    assert (asked.status, way_out in asked.err) == (3, True)

    road.sshd.stop()
    road.up()
    road.wait_until("backoff")

    asked = road.command("hosts", "--config", str(road.file))
    assert (asked.status, "It comes through tunnel home, which is" in asked.err) == (3, True)
    assert f"Nothing listens at 127.0.0.1:{road.sshd.port}" in asked.err


def test_there_is_one_of_a_name(road: Road) -> None:
    process = road.up()
    road.wait_until("up")

    status, _, err = end_of(road.up())

    assert status == 2
    assert f"Tunnel home runs already: process {process.pid}." in err


def test_a_name_that_another_machine_has_is_told_until_it_is_free(road: Road, mill: Path) -> None:
    road.command("batches")
    with closing(Store.open(f"sqlite:///{mill / 'data' / 'nightmill.db'}")) as store:
        with store.write() as c:
            tunnels.take(c, ELSEWHERE)
        road.up()

        report = road.wait_until("halted")
        assert "laptop runs a tunnel named home too" in report["reason"]
        with store.write() as c:
            tunnels.leave(c, "home", ELSEWHERE.session)
        assert road.wait_until("up")["connects"] == 1


def test_a_server_that_goes_is_told_and_found_again(road: Road) -> None:
    road.up()
    road.wait_until("up")

    road.sshd.stop()
    report = road.wait_until("backoff")
    assert report["reason"]
    said = road.ask("status")
    assert (said.status, "home: down for" in said.out) == (1, True)

    road.sshd.start()
    assert road.wait_until("up")["connects"] == 2


def test_any_of_the_keys_of_a_server_can_be_pinned_and_is_then_the_one_that_counts(
    road: Road,
) -> None:
    road.sshd.stop()
    road.sshd.have_host_keys("ssh-rsa", "ecdsa-sha2-nistp256")
    road.sshd.start()
    rsa = asyncssh.read_public_key(str(road.sshd.folder / "ssh-rsa.pub")).get_fingerprint()
    assert road.ask("trust", "--json").json["algorithm"] == "ssh-ed25519"

    assert road.ask("trust", "--fingerprint", rsa).status == 0

    again = road.ask("trust", "--json").json
    assert (again["algorithm"], again["fingerprint"]) == ("ssh-rsa", rsa)
    assert again["is_trusted"]


def test_without_a_key_it_says_how_one_is_made(road: Road) -> None:
    road.write(key_file=str(road.file.parent / "no_key"))
    status, _, err = end_of(road.up())
    assert (status, "ssh-keygen -t ed25519" in err) == (2, True)


def test_the_plain_command_is_printed(road: Road) -> None:
    printed = road.ask("print-ssh")
    assert printed.out.startswith("ssh -N -T ")
    assert printed.out.endswith(f" {road.sshd.user}@127.0.0.1\n")


def test_the_commands_that_it_names_go_by_the_file_that_was_given(road: Road) -> None:
    assert f"`nightmill tunnel up home --config {road.file}`" in road.ask("status").out
    assert f"`nightmill tunnel up home --config {road.file}`" in road.ask("reload").err
    road.sshd.known_hosts_file.unlink()
    assert re.search(f"`nightmill tunnel trust home .*--config {road.file}`", road.ask("trust").out)
    assert f"`nightmill tunnel trust home --config {road.file}`" in end_of(road.up())[2]


def test_which_tunnel_is_meant_has_to_be_clear(command: Command, mill: Path) -> None:
    assert "None is configured" in command("tunnel", "status").err
    one = 'servers = ["s"]\nlocal = [{listen = "127.0.0.1:1", to = "127.0.0.1:6379"}]\n'
    (mill / "two.toml").write_text(f"[tunnel.home]\n{one}[tunnel.office]\n{one}")

    for args in ([], ["nowhere"]):
        told = command("tunnel", "status", *args, "--config", "two.toml")
        assert (told.status, "Configured are: home, office." in told.err) == (2, True)


@pytest.mark.parametrize("verb", ["up", "status", "reload", "trust", "forget", "print-ssh"])
def test_every_verb_has_help_with_an_example(command: Command, verb: str) -> None:
    shown = command("tunnel", verb, "--help").out
    assert f"Example: nightmill tunnel {verb}" in shown
    assert "--json" in shown
    assert "--config" in shown


def test_its_manager_hears_that_it_is_ready_and_then_how_it_is(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = road.file.with_name("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        process = road.up("home")

        heard = [told.recv(1000)]
        while heard[-1] != b"WATCHDOG=1\nSTATUS=up":
            heard.append(told.recv(1000))

    assert b"READY=1\nSTATUS=" in heard
    process.terminate()
    assert end_of(process)[0] == 143
