"""Where to log in is the owner's to say, and a tunnel that cannot work is refused at once."""

from pathlib import Path

import pytest

from jobs.endpoints import Endpoint
from jobs.errors import SettingsError
from jobs.settings import Settings, load_settings

REDIS = 'local = [{listen = "127.0.0.1:6379", to = "127.0.0.1:6379"}]'


def load(folder: Path, toml: str) -> Settings:
    """From a file that the owner named."""
    file = folder / "own.toml"
    file.write_text(f"[tunnel.home]\n{toml}")
    return load_settings(file, {}, folder)


def test_a_tunnel_needs_a_server_and_something_that_goes_through(tmp_path: Path) -> None:
    tunnel = load(tmp_path, f'servers = ["192.168.1.2", "mill.example.org:2222"]\n{REDIS}').tunnel[
        "home"
    ]

    assert tunnel.addresses == (Endpoint("192.168.1.2", 22), Endpoint("mill.example.org", 2222))
    assert tunnel.local[0].probe_kind == "redis"
    assert tunnel.user == "nightmill-tunnel"


def test_paths_are_taken_from_where_they_were_written(tmp_path: Path) -> None:
    tunnel = load(
        tmp_path, f'servers = ["server"]\nkey_file = "key"\nknown_hosts_file = "known"\n{REDIS}'
    ).tunnel["home"]

    assert (tunnel.key_file, tunnel.known_hosts_file) == (tmp_path / "key", tmp_path / "known")


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        (REDIS, "`tunnel.home.servers`"),
        ('servers = ["server"]', "nothing would go through"),
        (f"servers = []\n{REDIS}", "`tunnel.home.servers`"),
        (f'servers = ["a b"]\n{REDIS}', "got 'a b'"),
        (f'servers = ["/run/sock"]\n{REDIS}', "names or addresses"),
        (f'servers = ["server"]\nuser = "-oProxyCommand=x"\n{REDIS}', "`tunnel.home.user`"),
        (
            'servers = ["server"]\nlocal = [{listen = "6379", to = "127.0.0.1:6379"}]',
            "as in 127.0.0.1:6379",
        ),
        (
            'servers = ["server"]\nlocal = [{listen = "0.0.0.0:6379", to = "127.0.0.1:6379"}]',
            "on its own machine",
        ),
        (
            'servers = ["server"]\nlocal = [{listen = "127.0.0.1:1", to = "127.0.0.1:9"}]',
            'probe = "http"',
        ),
        (
            'servers = ["server"]\nremote = [{listen = "127.0.0.1:11435", to = "10.0.0.9:8080"}]',
            "this machine, which 10.0.0.9:8080 is not",
        ),
        (
            f'servers = ["server"]\n{REDIS[:-1]}, {{listen = "localhost:6379", to = "db:5432"}}]',
            "127.0.0.1:6379 is twice",
        ),
        (
            'servers = ["server"]\nlocal = [{lisen = "127.0.0.1:1", to = "127.0.0.1:6379"}]',
            "did you mean `listen`",
        ),
    ],
)
def test_what_cannot_work_is_told_with_its_place(tmp_path: Path, toml: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml)

    assert what in str(caught.value)


def test_a_file_that_somebody_handed_over_may_not_say_where_to_log_in(tmp_path: Path) -> None:
    (tmp_path / "nightmill.toml").write_text(f'[tunnel.home]\nservers = ["evil.example"]\n{REDIS}')

    with pytest.raises(SettingsError, match="may say where to log in"):
        load_settings(None, {}, tmp_path)
