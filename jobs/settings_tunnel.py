"""Tunnels: the server that this machine dials, and what each side gets through it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from jobs.endpoints import Endpoint
from jobs.settings_endpoints import Section
from jobs.settings_faults import expected
from jobs.settings_numbers import Seconds

#: How a forward is asked whether it works: what is sent, and what counts as an answer.
ProbeKind = Literal["redis", "postgres", "http", "none"]

SSH_PORT = 22
_USER = re.compile(r"[A-Za-z_][\w.-]{0,31}", re.ASCII)
#: What usually listens on a port, where nothing else is said.
_USUAL: dict[int, ProbeKind] = {
    5432: "postgres",
    6379: "redis",
    8000: "http",
    8080: "http",
    11434: "http",
    11435: "http",
    1234: "http",
}


class ForwardSettings(Section):
    """One forward: where one side listens, and where the other side passes it on to."""

    listen: str
    to: str
    probe: ProbeKind | None = None

    @field_validator("listen", "to")
    @classmethod
    def _check_endpoint(cls, text: str) -> str:
        try:
            Endpoint.parse(text)
        except ValueError as error:
            raise expected(str(error)) from None
        return text

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self.listens_at.is_here:
            raise expected("on its own machine, as in 127.0.0.1:6379", "listen")
        if self.probe is None and self.target.port not in _USUAL:
            raise expected('given, as in `probe = "http"`: redis, postgres, http, or none', "probe")
        return self

    @property
    def listens_at(self) -> Endpoint:
        """Where one side listens."""
        return Endpoint.parse(self.listen)

    @property
    def target(self) -> Endpoint:
        """Where the other side passes it on to."""
        return Endpoint.parse(self.to)

    @property
    def probe_kind(self) -> ProbeKind:
        """What was said, or what usually listens on the target's port."""
        return self.probe or _USUAL[self.target.port]


class TunnelSettings(Section):
    """A server that is dialled over SSH, and what goes through the connection."""

    servers: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description='Addresses of the server, tried in this order: `["192.168.1.20", '
        '"mill.example.org:2222"]`; port 22 where none is given.',
    )
    user: str = Field(
        default="nightmill-tunnel",
        description="The account on the server, which is this tunnel's alone.",
    )
    key_file: Path | None = Field(
        default=None,
        description="The private key, which only you can read; by default `~/.ssh/id_ed25519`. One "
        "with a passphrase is used through the SSH agent.",
    )
    known_hosts_file: Path | None = Field(
        default=None,
        description="The file with the server's host key, as `nightmill tunnel trust` writes it; "
        "by default `tunnel/NAME.known_hosts` in the data directory.",
    )
    local: tuple[ForwardSettings, ...] = Field(
        default=(),
        description="What of the server is to be had here, each "
        '`{listen = "127.0.0.1:6379", to = "127.0.0.1:6379"}`: `listen` is here, `to` as the '
        "server sees it; either may be the path of a Unix socket. `probe` says how it is asked "
        "whether it works: `redis`, `postgres`, `http` or `none`; by default as the port suggests.",
    )
    remote: tuple[ForwardSettings, ...] = Field(
        default=(),
        description="What of this machine is to be had on the server, written alike: `listen` is "
        "there, `to` is here.",
    )
    pools: tuple[str, ...] = Field(
        default=(),
        description="Pools whose work goes through `remote`: they are handed nothing while the "
        "tunnel is down. Workers of this machine, which come through `local`, need not be named.",
    )
    keepalive_s: Seconds = Field(
        default=10, ge=1, description="Seconds of silence after which the server is asked."
    )
    keepalive_count: int = Field(
        default=3, ge=1, le=100, description="Questions without an answer that end a connection."
    )
    connect_s: Seconds = Field(
        default=5, ge=0.5, description="Seconds that reaching one address may take."
    )
    login_s: Seconds = Field(
        default=20, ge=1, description="Seconds from reaching the server to being logged in."
    )
    probe_every_s: Seconds = Field(
        default=5, ge=0.5, description="Seconds from one look at all forwards to the next."
    )
    probe_s: Seconds = Field(
        default=4, ge=0.1, description="Seconds that the answer through a forward may take."
    )
    port_held_s: Seconds = Field(
        default=90,
        ge=0,
        description="Seconds for which a port of the server that is taken is asked for again: an "
        "earlier connection of ours may hold it until the server notices that it is dead.",
    )

    @field_validator("user")
    @classmethod
    def _check_user(cls, user: str) -> str:
        # It stands in commands that people paste.
        if not _USER.fullmatch(user):
            raise expected("the name of an account")
        return user

    @field_validator("servers")
    @classmethod
    def _check_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            try:
                if Endpoint.parse(server, SSH_PORT).path:
                    raise ValueError  # noqa: TRY301  (the one sentence for both)
            except ValueError:
                raise expected(
                    f"names or addresses, each with a port or without, got {server[:80]!r}"
                ) from None
        return servers

    @model_validator(mode="after")
    def _check_forwards(self) -> Self:
        if not self.local and not self.remote:
            raise expected("given where there is no `remote`: nothing would go through", "local")
        for key, forwards in (("local", self.local), ("remote", self.remote)):
            for twice in _twice([forward.listens_at for forward in forwards]):
                raise expected(f"forwards that each listen elsewhere, and {twice} is twice", key)
        for forward in self.remote:
            if not forward.target.is_here:
                raise expected(f"forwards to this machine, which {forward.to} is not", "remote")
        return self

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        """Where the server may be reached, in the order in which it is tried."""
        return tuple(Endpoint.parse(server, SSH_PORT) for server in self.servers)


def _twice(endpoints: list[Endpoint]) -> Iterator[Endpoint]:
    seen: set[Endpoint] = set()
    for endpoint in endpoints:
        if endpoint in seen:
            yield endpoint
        seen.add(endpoint)
