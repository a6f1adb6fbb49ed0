"""Real `nightmill` processes in a test's home, with a pool that answers by itself."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

NIGHTMILL = [sys.executable, "-P", "-m", "nightmill"]

FAKE_POOL = '[pools.fake]\nbackend = "fake"\nslots = 8\n'


def start(*args: str) -> subprocess.Popen[str]:
    """Start `nightmill ARGS` in the current folder, leading a process group of its own."""
    return subprocess.Popen(
        [*NIGHTMILL, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


#: Makes the terminal on its standard input that of its session, then becomes what is named.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, sys.argv[1:])
"""


def start_in_a_terminal(*args: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start `nightmill ARGS` at the head of a session with a terminal; with our end of that."""
    ours, its = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_TERMINAL, *NIGHTMILL, *args],
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    return process, ours


def nightmill(*args: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `nightmill ARGS` to its end."""
    with start(*args) as process:
        try:
            out, err = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def end_of(process: subprocess.Popen[str], within_s: float = 60) -> tuple[int, str, str]:
    """Exit status and both outputs of a process that is ending."""
    with process:
        streams = process.stdout, process.stderr
        if any(stream is not None and stream.closed for stream in streams):
            return process.wait(within_s), "", ""
        out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


def kill_group(process: subprocess.Popen[str]) -> None:
    """`kill -9` of a process and its group at once."""
    os.killpg(process.pid, signal.SIGKILL)
    end_of(process)


def write_rows(path: Path, number: int) -> Path:
    """A file with so many rows."""
    lines = (json.dumps({"prompt": f"row {i}", "custom_id": f"r{i}"}) for i in range(number))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def answered(home: Path) -> int:
    """How many rows of all batches have their answer in the store."""
    return int(ask(home, "SELECT count(*) FROM results WHERE state = 'succeeded'", default=0))


def ask(home: Path, sql: str, default: object) -> Any:
    """One value out of the store, read from outside; the default while there is no store."""
    path = home / "data" / "nightmill.db"
    if not path.exists():
        return default
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(sql).fetchone()[0]
