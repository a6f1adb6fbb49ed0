"""A service's log is written by itself, and put aside when it has grown large."""

from pathlib import Path

from nightmill.embedded.child import MAX_LOG_BYTES, set_aside
from tests.nightmill.conftest import Start
from tests.nightmill.mill_process import end_of
from tests.waiting import eventually


def test_what_a_service_says_goes_to_its_file(mill: Path, start: Start) -> None:
    log = mill / "data" / "logs" / "service-monitor.log"
    log.parent.mkdir(parents=True)
    log.write_text("x" * (MAX_LOG_BYTES + 1))

    process = start("--log-file", str(log), "monitor", "--port", "0")

    eventually(lambda: "in your browser" in log.read_text(), "its first line")
    assert set_aside(log).stat().st_size > MAX_LOG_BYTES
    assert log.stat().st_mode & 0o077 == 0
    process.terminate()
    end_of(process)
