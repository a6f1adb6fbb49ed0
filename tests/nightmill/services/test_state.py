"""How a service is, read from what launchd and systemd say."""

from nightmill.services.runner import Ran
from nightmill.services.state import read_launchd, read_systemd

RUNNING = """\
ActiveState=active
MainPID=812
NRestarts=2
ExecMainStatus=0
StatusText=up, 3 forwards
"""
FAILED = "ActiveState=failed\nMainPID=0\nNRestarts=9\nExecMainStatus=2\nStatusText=\n"
PRINTED = """\
system/nightmill-tunnel-home = {
\tactive count = 1
\tpath = /Library/LaunchDaemons/nightmill-tunnel-home.plist
\tstate = running
\tprogram = /usr/bin/python3
\tpid = 812
\tlast exit code = 2: Misuse of a shell builtin
}
"""


def test_systemd_tells_state_process_and_what_it_says_of_itself() -> None:
    running = read_systemd("nightmill-tunnel-home", "/x", RUNNING)
    failed = read_systemd("nightmill-tunnel-home", "/x", FAILED)

    assert (running.state, running.pid, running.restarts) == ("running", 812, 2)
    assert (running.says, running.last_exit) == ("up, 3 forwards", None)
    assert (failed.state, failed.pid, failed.last_exit) == ("failed", None, 2)


def test_systemd_that_says_nothing_is_taken_for_stopped() -> None:
    assert read_systemd("nightmill-up", "/x", "").state == "stopped"


def test_launchd_tells_process_and_last_exit() -> None:
    running = read_launchd("nightmill-tunnel-home", "/x", Ran(0, PRINTED))
    fails = PRINTED.replace("\tpid = 812\n", "")
    failed = read_launchd("nightmill-tunnel-home", "/x", Ran(0, fails))
    gone = read_launchd("nightmill-tunnel-home", "/x", Ran(113, "Could not find service"))

    assert (running.state, running.pid, running.last_exit) == ("running", 812, 2)
    assert (failed.state, failed.pid) == ("failed", None)
    assert (gone.state, gone.pid, gone.last_exit) == ("stopped", None, None)
