"""A tunnel that runs is told of other settings, and of other host keys, beside a real sshd."""

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from nightmill.bench.ports import free_port
from tests.nightmill.mill_process import end_of
from tests.nightmill.printed import check_printed
from tests.nightmill.road import Road
from tests.waiting import eventually


@pytest.mark.parametrize("way", ["command", "signal"])
def test_forwards_change_without_another_connection(road: Road, way: str) -> None:
    process = road.up()
    road.wait_until("up")
    kept, added = road.ports[0], free_port()
    road.ports.append(added)
    road.write()

    if way == "command":
        check_printed("tunnel_reload", road.ask("reload", "--json").json)
    else:
        process.send_signal(signal.SIGHUP)

    eventually(lambda: len(road.report()["forwards"]) == 2, "the second forward")
    report = road.wait_until("up")
    assert [road.page(port) for port in (kept, added)] == ["hello", "hello"]
    assert report["connects"] == 1


def test_a_configuration_with_faults_changes_nothing(road: Road) -> None:
    road.up()
    road.wait_until("up")
    good = road.file.read_text()
    road.file.write_text(good.replace("probe_every_s = 0.5", "probe_every_s = 'x'"))

    # The command reads it too, and says so itself; the tunnel is told by a signal.
    assert road.ask("reload").status == 2

    road.file.write_text(good)
    assert road.page(road.ports[0]) == "hello"


def test_another_store_hears_of_it_after_a_reload_and_the_one_before_no_more(
    road: Road, mill: Path
) -> None:
    process = road.up()
    road.wait_until("up")
    eventually(road.listed, "the lease")
    other = mill / "other.db"
    road.command("batches", "--config", str(road.file))
    with_other = f'[store]\nurl = "sqlite:///{other}"\n{road.file.read_text()}'
    road.file.write_text(with_other)
    road.command("batches", "--config", str(road.file))

    process.send_signal(signal.SIGHUP)

    with closing(Store.open(f"sqlite:///{other}")) as store:

        def heard_of() -> list[TunnelRow]:
            with store.read() as c:
                return tunnels.listing(c)

        eventually(heard_of, "the lease in the other store")
    eventually(lambda: road.listed() == [], "the end of the first lease")


def test_another_data_directory_wants_it_started_again(
    road: Road, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTMILL_DATA_DIR")
    rest = road.file.read_text()
    road.file.write_text(f'data_dir = "{mill / "data"}"\n{rest}')
    process = road.up()
    road.wait_until("up")
    road.file.write_text(f'data_dir = "{mill / "elsewhere"}"\n{rest}')

    process.send_signal(signal.SIGHUP)
    process.terminate()

    status, _, err = end_of(process)
    assert (status, "Not reloaded: `data_dir` is another folder now" in err) == (143, True), err


def test_a_key_that_is_not_there_does_not_end_a_connection_that_works(road: Road) -> None:
    road.up()
    road.wait_until("up")
    road.write(key_file=str(road.file.parent / "no_key"))

    told = road.ask("reload")

    assert (told.status, "Tunnel home goes on as it was: There is no key" in told.err) == (2, True)
    assert "Correct `key_file`" in told.err
    report = road.report()
    assert (report["state"], report["connects"]) == ("up", 1)


def test_what_the_server_permits_by_now_is_found_by_doctor_and_had_by_reload(road: Road) -> None:
    road.sshd.permit('permitopen="127.0.0.1:1"')
    road.up()
    road.wait_until("degraded")
    assert "permitopen=" in forward_of(road.ask("doctor", "--json").json)

    road.sshd.permit("")
    assert "`nightmill tunnel reload home`" in forward_of(road.ask("doctor", "--json").json)
    road.ask("reload")

    assert road.wait_until("up")["connects"] == 2
    road.sshd.permit('permitopen="127.0.0.1:1"')
    assert "permitopen=" in forward_of(road.ask("doctor", "--json").json)


def forward_of(diagnosis: Any) -> str:
    """What is said of the one forward."""
    [said] = [each for each in diagnosis["findings"] if each["what"].startswith("forward")]
    return str(said["sentence"])


def test_a_server_is_trusted_by_the_fingerprint_that_was_compared(road: Road) -> None:
    known_hosts = road.file.parent / "pinned" / "home.known_hosts"
    road.write(known_hosts_file=str(known_hosts))
    status, _, err = end_of(road.up())
    assert (status, f"`nightmill tunnel trust home --config {road.file}`" in err) == (2, True)

    shown = road.ask("trust", "--json").json
    check_printed("tunnel_trust", shown)
    assert (shown["pinned"], shown["is_trusted"], known_hosts.exists()) == ([], False, False)
    refused = road.ask("trust", "--fingerprint", "SHA256:another")
    assert (refused.status, known_hosts.exists()) == (2, False)
    assert shown["fingerprint"] in refused.err
    assert shown["fingerprint"] in road.ask("trust").out

    assert road.ask("trust", "--fingerprint", shown["fingerprint"]).status == 0

    again = road.ask("trust", "--json").json
    assert (again["pinned"], again["is_trusted"]) == ([shown["fingerprint"]], True)
    road.up()
    road.wait_until("up")


def test_nothing_is_trusted_beside_a_pattern_that_vouches_for_the_server_too(road: Road) -> None:
    known_hosts = road.file.parent / "home.known_hosts"
    key = (road.sshd.folder / "host_key.pub").read_text()
    known_hosts.write_text(f"* {key}")
    road.write(known_hosts_file=str(known_hosts))
    road.sshd.stop()
    road.sshd.change_host_key()
    road.sshd.start()

    shown = road.ask("trust", "--json").json["fingerprint"]
    refused = road.ask("trust", "--fingerprint", shown)

    assert (refused.status, "a pattern that vouches" in refused.err) == (2, True)
    assert known_hosts.read_text() == f"* {key}"


def test_another_host_key_halts_it_until_that_is_trusted(road: Road) -> None:
    road.up()
    road.wait_until("up")
    road.sshd.stop()
    road.sshd.change_host_key()
    road.sshd.start()

    report = road.wait_until("halted")
    assert report["cause"] == "host key"
    shown = road.ask("trust", "--json").json
    assert shown["fingerprint"] in report["reason"]
    assert shown["pinned"] != [shown["fingerprint"]]

    road.ask("trust", "--fingerprint", shown["fingerprint"])

    road.wait_until("up")


def test_another_host_key_of_a_server_given_by_name_is_shown_and_pinned(road: Road) -> None:
    # In small letters it would become 127.0.0.1.
    road.write(servers=[f"LOCALHOST:{road.sshd.port}"])
    first = road.ask("trust", "--json").json["fingerprint"]
    road.ask("trust", "--fingerprint", first)
    road.sshd.stop()
    road.sshd.change_host_key()
    road.sshd.start()

    shown = road.ask("trust", "--json").json

    assert (shown["pinned"], shown["is_trusted"]) == ([first], False)
    assert road.ask("trust", "--fingerprint", shown["fingerprint"]).status == 0
    assert road.ask("trust", "--json").json["is_trusted"]


def test_a_server_that_is_not_there_cannot_be_trusted(road: Road) -> None:
    road.sshd.stop()
    told = road.ask("trust")
    assert (told.status, "Nothing listens at" in told.err) == (3, True)


def test_what_does_not_run_cannot_be_reloaded(road: Road) -> None:
    told = road.ask("reload")
    assert (told.status, "nightmill tunnel up home" in told.err) == (2, True)
