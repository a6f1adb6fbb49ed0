"""Whether a server that is used here is had through a tunnel."""

from collections.abc import Iterator

from jobs.addresses import Address, parse_address
from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings

#: Where each kind of server is asked if its URL does not say.
_PORTS = {"postgresql": 5432, "postgresql+psycopg": 5432, "redis": 6379, "rediss": 6379}


def is_brought_by(tunnel: TunnelSettings, urls: tuple[str | None, ...]) -> bool:
    """Whether one of these servers is had where the tunnel listens on this machine."""
    here = {forward.listens_at for forward in tunnel.local}
    return any(here.intersection(_endpoints(parse_address(url))) for url in urls if url)


def _endpoints(address: Address) -> Iterator[Endpoint]:
    if address.scheme == "sqlite":
        return
    ports = [int(port) for port in address.query.get("port", []) if port.isdecimal()]
    port = address.port or (ports[0] if ports else _PORTS.get(address.scheme, 0))
    for host in address.hosts:
        if host.startswith("/"):
            yield Endpoint(path=host)
            # Postgres names the folder.
            yield Endpoint(path=f"{host.rstrip('/')}/.s.PGSQL.{port}")
        else:
            yield Endpoint(host="127.0.0.1" if host == "localhost" else host, port=port)
