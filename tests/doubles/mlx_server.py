"""The real `mlx_lm.server` on a port of its own."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightmill.bench.ports import free_port
from tests.waiting import eventually

#: How often another port is tried, should somebody take one between finding and using it.
TRIES = 5


@contextmanager
def mlx_server(model: Path, folder: Path) -> Iterator[str]:
    """Its URL while it runs; it can download nothing and finds no models but this one."""
    (folder / "hub").mkdir(parents=True)
    environ = {**os.environ, "HF_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    with (folder / "log").open("wb") as log:
        for _ in range(TRIES):
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model)]
            server = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                env=environ,
                stdout=log,
                stderr=log,
            )
            try:
                eventually(lambda: server.poll() is not None or is_well(url), "mlx_lm.server", 120)  # noqa: B023
                if server.poll() is None:
                    yield url
                    return
            finally:
                server.kill()
                server.wait()
    raise AssertionError((folder / "log").read_text())


def is_well(url: str) -> bool:
    """Whether it has its model, too."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=5) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False
