"""Units are what the installed systemd knows, and run what they are meant to."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from nightmill.services import systemd
from nightmill.services.facts import systemd_version
from nightmill.services.service import Service
from tests.nightmill.services.machines import DISPATCH, TUNNEL, WORKER, linux

ANALYZE = shutil.which("systemd-analyze")
ALL = (
    *(TUNNEL, WORKER, DISPATCH),
    *(Service(kind="monitor", name=""), Service(kind="up", name="", after=("home",))),
)


def entries(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_a_unit_waits_for_its_word_and_is_started_again_without_end(tmp_path: Path) -> None:
    told = entries(systemd.unit(WORKER, linux(tmp_path)))

    assert told["Type"] == "notify"
    assert told["ExecStart"] == "/usr/bin/python3 -P -m nightmill worker mlx"
    assert (told["Restart"], told["StartLimitIntervalSec"]) == ("always", "0")
    assert told["TimeoutStopSec"] == "50"
    assert told["After"] == "network-online.target nightmill-tunnel-home.service"
    assert "WatchdogSec" not in told


def test_a_tunnel_has_a_watchdog_and_reads_its_settings_again(tmp_path: Path) -> None:
    told = entries(systemd.unit(TUNNEL, linux(tmp_path)))

    assert told["WatchdogSec"] == "30"
    assert told["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_a_unit_of_the_machine_is_confined_to_its_data(tmp_path: Path) -> None:
    facts = linux(tmp_path)
    told = entries(systemd.unit(DISPATCH, facts))
    with_command = entries(systemd.unit(replace(DISPATCH, is_open=True), facts))

    assert told["User"] == "mill"
    assert told["ProtectSystem"] == "strict"
    assert told["ReadWritePaths"] == f"{facts.data_dir} /tmp /var/tmp"
    assert told["PrivateDevices"] == "yes"
    assert "ProtectSystem" not in with_command
    assert "PrivateDevices" not in entries(systemd.unit(WORKER, facts))


def test_a_unit_of_a_user_names_no_user_and_begins_without_a_login(tmp_path: Path) -> None:
    facts = linux(tmp_path, is_root=False)
    told = entries(systemd.unit(WORKER, facts))

    assert "User" not in told
    assert told["WantedBy"] == "default.target"
    assert systemd.install(WORKER, facts)[-1].command == ("loginctl", "enable-linger", "mill")


def test_an_older_systemd_is_told_only_what_it_knows(tmp_path: Path) -> None:
    new, old = (
        entries(systemd.unit(WORKER, linux(tmp_path, version=version))) for version in (254, 241)
    )

    assert (new["RestartSec"], new["RestartSteps"], new["RestartMaxDelaySec"]) == ("2", "6", "60")
    assert old["RestartSec"] == "5"
    assert not old.keys() & {"RestartSteps", "RestartMaxDelaySec", "ProtectClock"}
    assert "ProtectKernelTunables" in old


def test_odd_characters_stay_what_they_are(tmp_path: Path) -> None:
    facts = linux(tmp_path)
    odd = replace(facts, data_dir=Path("/d a/100%/$x"), config=Path("/c $HOME.toml"))
    text = systemd.unit(WORKER, odd)

    assert 'Environment="NIGHTMILL_DATA_DIR=/d a/100%%/$x"' in text
    assert '--config "/c $$HOME.toml"' in text


def test_the_version_is_read_from_what_systemctl_says() -> None:
    assert systemd_version("systemd 252 (252.38-1~deb12u1)\n+PAM +AUDIT") == 252
    assert systemd_version("there is no systemctl on the PATH") == 0


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("is_root", [True, False], ids=["machine", "user"])
def test_the_systemd_of_this_machine_finds_no_fault(tmp_path: Path, *, is_root: bool) -> None:
    said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True)
    facts = linux(tmp_path, is_root=is_root, version=systemd_version(said.stdout))
    for service in ALL:
        facts.site.path(service.id).write_text(systemd.unit(service, facts))

    assert _verify(facts.site.path(each.id) for each in ALL) == ""


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
def test_the_check_would_see_what_a_version_does_not_know(tmp_path: Path) -> None:
    facts = linux(tmp_path)
    path = facts.site.path(WORKER.id)
    path.write_text(systemd.unit(WORKER, facts).replace("RestartSec=", "RestartSecs="))

    assert "Unknown key 'RestartSecs'" in _verify([path])


def _verify(paths: Iterable[Path]) -> str:
    assert ANALYZE is not None
    files = [str(path) for path in paths]
    ended = subprocess.run(
        [ANALYZE, "verify", "--man=no", *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # It looks at units of this machine too, which are none of our business.
    ours = [line for line in ended.stdout.splitlines() if "nightmill" in line]
    return "\n".join(ours) if ours or ended.returncode == 0 else ended.stdout
