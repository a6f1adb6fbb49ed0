"""What the soak shares with the tests of tunnels."""

from tests.tunnel.conftest import sshd_program  # noqa: F401  (a fixture)
