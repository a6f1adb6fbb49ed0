import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.settings_tunnel import TunnelSettings
from tunnel.places import Places
from tunnel.plain_ssh import ssh_command

SETTINGS = TunnelSettings.model_validate(
    {
        "servers": ["192.168.1.20", "mill.example.org:2222"],
        "local": [{"listen": "127.0.0.1:6379", "to": "/run/redis/redis.sock", "probe": "redis"}],
        "remote": [{"listen": "[::1]:11435", "to": "127.0.0.1:11434"}],
    }
)
PLACES = Places(data_dir=Path("/data/Application Support"), home=Path("/home of anna"))


def command(server: int = 0) -> list[str]:
    return ssh_command("home", SETTINGS, PLACES, SETTINGS.addresses[server])


def test_the_command_has_all_that_goes_through_the_tunnel() -> None:
    words = command()
    assert words[words.index("-L") + 1] == "127.0.0.1:6379:/run/redis/redis.sock"
    assert words[words.index("-R") + 1] == "[::1]:11435:127.0.0.1:11434"
    assert words[-1] == "nightmill-tunnel@192.168.1.20"


def test_each_server_has_its_port() -> None:
    words = command(1)
    assert (words[words.index("-p") + 1], words[-1]) == (
        "2222",
        "nightmill-tunnel@mill.example.org",
    )


def test_it_trusts_no_key_but_the_one_that_is_pinned() -> None:
    assert "StrictHostKeyChecking=yes" in command()
    assert "ForwardAgent=no" in command()
    assert shlex.split(shlex.join(command())) == command()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh")
def test_ssh_itself_understands_it() -> None:
    first, *rest = command(1)
    done = subprocess.run([first, "-G", *rest], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert "userknownhostsfile /data/Application Support/tunnel/home.known_hosts" in shown
    assert "port 2222" in shown
    assert "exitonforwardfailure yes" in shown
    assert "localforward [127.0.0.1]:6379 /run/redis/redis.sock" in shown
