import os
from collections.abc import Iterator

import pytest

from tests.integration.two_machines.network import network, why_none
from tests.integration.two_machines.world import World
from tests.tunnel.sshd import PROGRAM


@pytest.fixture
def world() -> Iterator[World]:
    """Both machines at work."""
    reason = why_none() if PROGRAM is not None else "sshd is not installed"
    if reason:
        message = f"no two machines here: {reason}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with network() as cable:
        world = World(cable)
        try:
            world.start()
            yield world
        except BaseException as error:
            error.add_note(world.complaints())
            raise
        finally:
            world.end()
