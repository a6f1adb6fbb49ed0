"""What tests of tunnels share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tunnel import sshd as real


@pytest.fixture(scope="session")
def sshd_program() -> str:
    """Where sshd is; skips where there is none, and fails where there has to be one."""
    if real.PROGRAM is None:
        reason = "there is no sshd here (Debian has it in openssh-server)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return real.PROGRAM


@pytest.fixture
def sshd(sshd_program: str, tmp_path: Path) -> Iterator[real.Sshd]:
    """A server that permits every forward."""
    with real.running(tmp_path / "sshd") as server:
        yield server
