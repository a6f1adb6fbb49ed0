import pytest

from jobs.settings_tunnel import TunnelSettings
from tunnel.brought import is_brought_by

TUNNEL = TunnelSettings.model_validate(
    {
        "servers": ["mill.example.org"],
        "local": [
            {"listen": "127.0.0.1:6379", "to": "127.0.0.1:6379"},
            {"listen": "127.0.0.1:15432", "to": "127.0.0.1:5432"},
            {"listen": "/run/mill/.s.PGSQL.5432", "to": "127.0.0.1:5432"},
        ],
        "remote": [{"listen": "127.0.0.1:11435", "to": "127.0.0.1:11434"}],
    }
)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://:secret@localhost/0",
        "postgresql://mill@127.0.0.1:15432/mill",
        "postgresql+psycopg://mill@localhost:15432/mill",
        "postgresql://mill@/mill?host=/run/mill",
    ],
)
def test_what_is_asked_where_the_tunnel_listens_here_comes_through_it(url: str) -> None:
    assert is_brought_by(TUNNEL, ("sqlite:////data/nightmill.db", url))


@pytest.mark.parametrize(
    "url",
    [
        None,
        "sqlite:////data/nightmill.db",
        "redis://127.0.0.1:6380/0",
        "redis://192.168.1.20:6379/0",
        "postgresql://mill@127.0.0.1/mill",
        "postgresql://mill@127.0.0.1:11435/mill",
    ],
)
def test_what_is_asked_elsewhere_does_not(url: str | None) -> None:
    assert not is_brought_by(TUNNEL, (url,))
