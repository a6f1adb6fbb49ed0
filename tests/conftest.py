"""What all tests share."""

import os
import sys

import pytest
from hypothesis import settings

pytest_plugins = ["tests.store_fixtures"]

# Hundreds of processes are started: what one of them has compiled, no other shall compile again,
# also where an image says that nothing is to be kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No deadline: on a busy machine an example may take long without a fault of anybody.
settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")

#: Test processes on the largest of machines; more would only start more Postgres servers.
MOST_PROCESSES = 8


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many as cores: tests wait half of the time, for a process or the end of a lease."""
    return min(2 * (os.cpu_count() or 1), MOST_PROCESSES)
