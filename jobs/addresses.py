"""Addresses of stores and brokers: where they point, and how to show them without a password."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import parse_qs, quote

#: Narrower than the standard on purpose: what this does not take apart in one way only, a
#: library might take apart in another, and the host that was judged is not the one called.
_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+]*)://
        (?:(?P<user>[\w.~%!$&*+=-]*)(?::(?P<password>[\w.~%!$&*+=:-]*))?@)?
        (?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[\w.-]*))
        (?::(?P<port>[0-9]+))?
        (?P<path>/[^?\#;\s]*)?
        (?:\?(?P<query>[^@\#;\s]*))?""",
    re.VERBOSE | re.ASCII,
)

#: What no router of the internet passes on: home and office networks, and those of VPNs.
_PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("fc00::/7", "fe80::/10"),
    )
)


class Address(NamedTuple):
    """A URL taken apart; `hosts` are all that it could make a client connect to."""

    scheme: str
    user: str
    password: str | None
    hosts: frozenset[str]
    #: From the host to the end, as it was written.
    rest: str
    query: dict[str, list[str]]
    #: As it is written beside the host; None where none is.
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether every host it names is this machine; false when it names none."""
        return bool(self.hosts) and all(is_this_machine(host) for host in self.hosts)


def parse_address(url: str) -> Address:
    """Take a URL apart; raises `ValueError` where it cannot be read in one way only."""
    if url.startswith("sqlite:"):
        return Address("sqlite", "", None, frozenset({"localhost"}), url, {})
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("expected a URL like scheme://user@host:port/name")
    query = parse_qs(match["query"] or "", keep_blank_values=True)
    return Address(
        scheme=match["scheme"],
        user=match["user"] or "",
        password=match["password"],
        hosts=frozenset(_hosts(match, query)),
        rest=url[match.start("ipv6") - 1 if match["ipv6"] else match.start("host") :],
        query=query,
        port=int(match["port"]) if match["port"] else None,
    )


def _hosts(match: re.Match[str], query: dict[str, list[str]]) -> list[str]:
    if match["scheme"].endswith("+socket"):
        return [match["path"] or ""]
    named = [match["ipv6"] or match["host"]]
    # Postgres also takes its hosts, and their addresses, from the query.
    for value in query.get("host", []) + query.get("hostaddr", []):
        named += value.split(",")
    return [host for host in named if host]


def is_this_machine(host: str) -> bool:
    """Whether a host is loopback, or the path of a Unix socket or a file."""
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether a host is this machine, or an address that only private networks have.

    A name is neither, whatever it means today.
    """
    if is_this_machine(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)


def with_password(url: str, password: str) -> str:
    """The URL with its password joined in; only for what opens the connection."""
    address = parse_address(url)
    return f"{address.scheme}://{address.user}:{quote(password, safe='')}@{address.rest}"


def masked(url: str) -> str:
    """The URL as it may be shown: nothing of a password, and nothing of what cannot be read."""
    try:
        address = parse_address(url)
    except ValueError:
        return "a URL that cannot be read"
    if address.scheme == "sqlite":
        return url
    user = f"{address.user}@" if address.user else ""
    return f"{address.scheme}://{user}{address.rest.partition('?')[0]}"
