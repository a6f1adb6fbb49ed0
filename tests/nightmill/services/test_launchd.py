"""Property lists are well formed and say what a service needs."""

import plistlib
from pathlib import Path

from nightmill.services import launchd
from tests.nightmill.services.machines import TUNNEL, WORKER, mac


def test_a_daemon_runs_as_its_user_from_the_start_on_and_is_kept_alive(tmp_path: Path) -> None:
    facts = mac(tmp_path)
    told = plistlib.loads(launchd.property_list(WORKER, facts))

    assert told["Label"] == "nightmill-worker-mlx"
    assert told["UserName"] == "anna"
    assert (told["RunAtLoad"], told["KeepAlive"]) == (True, True)
    assert told["ProcessType"] == "Interactive"
    assert told["ExitTimeOut"] == 50
    assert told["EnvironmentVariables"] == {
        "HOME": str(facts.home),
        "PATH": facts.path,
        "NIGHTMILL_DATA_DIR": str(facts.data_dir),
    }


def test_its_program_writes_a_log_of_its_own(tmp_path: Path) -> None:
    facts = mac(tmp_path)
    told = plistlib.loads(launchd.property_list(TUNNEL, facts))
    log = str(facts.data_dir / "logs" / "service-tunnel-home.log")

    assert told["ProgramArguments"] == [
        *("/usr/bin/python3", "-P", "-m", "nightmill", "--log-file", log),
        *("tunnel", "up", "home"),
    ]
    assert told["StandardErrorPath"] == log


def test_the_list_says_why_it_is_a_daemon(tmp_path: Path) -> None:
    text = launchd.property_list(WORKER, mac(tmp_path)).decode()

    assert f"<!-- {launchd.WHY_A_DAEMON} -->\n<plist" in text
