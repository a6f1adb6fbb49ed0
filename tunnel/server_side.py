"""The server's part of a tunnel, as text to paste: what its account may do there, and no more.

What is permitted is written twice, for the account and for the key, so that either alone is
enough. Whatever this machine gets is asked for, letter by letter, as it is written here.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Self

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings

#: A stale connection is gone after 15 s x 3, and with it what it holds.
ALIVE_INTERVAL_S = 15
ALIVE_COUNT = 3

#: What stands for the public key where it is not known.
NO_KEY = "ssh-ed25519 PUT-THE-PUBLIC-KEY-HERE"

#: A list that is empty permits everything; here nobody who is not root can listen, and hardly
#: anybody does.
_NOWHERE = "127.0.0.1:1"

#: Its password is none that could be given, which is not the same as an account that is locked.
_ADD_USER = "useradd --system --create-home --user-group --shell /usr/sbin/nologin --password '*'"

_KEY = re.compile(r"(?P<kind>[a-z0-9@.-]+) (?P<body>[A-Za-z0-9+/]+=*)")


class SshdVersion(NamedTuple):
    """A version of OpenSSH."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Out of what `sshd -V` says, or the server in its greeting; None where it is another."""
        found = re.search(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)", text)
        return cls(int(found[1]), int(found[2])) if found else None


#: What is asked for where nobody knows the version: the oldest that some system still maintains.
USUAL = SshdVersion(8, 0)

#: The version of sshd since which a keyword may stand in a Match block, where that is not long ago.
_SINCE = {
    "PermitListen": SshdVersion(7, 8),
    "ClientAliveInterval": SshdVersion(8, 0),
    "ClientAliveCountMax": SshdVersion(8, 0),
    "UnusedConnectionTimeout": SshdVersion(9, 2),
}


def authorized_keys_line(
    name: str, settings: TunnelSettings, public_key: str, sshd: SshdVersion = USUAL
) -> str:
    """The line of `authorized_keys` that lets this key forward what the tunnel `name` needs.

    Raises `ValueError` where `public_key` is none as OpenSSH writes them.
    """
    found = _KEY.match(public_key.strip()) if public_key != NO_KEY else None
    if found is None and public_key != NO_KEY:
        raise ValueError("a public key as OpenSSH writes it, such as `ssh-ed25519 AAAA…`")
    options = ["restrict", "port-forwarding"]
    if _knows(sshd, "PermitListen"):
        options += [f'permitlisten="{each}"' for each in _listens(settings)]
    options += [f'permitopen="{each}"' for each in _opens(settings)]
    options += ['command="/usr/sbin/nologin"']
    return f"{','.join(options)} {found[0] if found else public_key} nightmill-tunnel-{name}"


def match_block(settings: TunnelSettings, sshd: SshdVersion = USUAL) -> str:
    """What `sshd_config` says of the tunnel's account, with keywords that `sshd` knows only."""
    lines = [f"    {key} {value}" for key, value in _permits(settings) if _knows(sshd, key)]
    return "\n".join((f"Match User {settings.user}", *lines, "Match all", ""))


def server_part(
    name: str, settings: TunnelSettings, public_key: str, sshd: SshdVersion = USUAL
) -> str:
    """The commands that make account, key and permissions, to be given on the server by root.

    They do nothing where somebody logs in by that account: it would be shut out.
    """
    user = settings.user
    line = authorized_keys_line(name, settings, public_key, sshd)
    body = line.split()[-2]
    keys = f"~{user}/.ssh/authorized_keys"
    config = f"/etc/ssh/sshd_config.d/40-nightmill-{name}.conf"
    return "\n".join(
        (
            f"# On the server, as root. An account that can do nothing but carry tunnel {name}:",
            # In a shell of its own, which can be left: pasted, it would take the terminal along.
            "(",
            *_unless_somebodys(user),
            f"id {user} >/dev/null 2>&1 || {_ADD_USER} {user}",
            f"install -d -m 700 -o {user} -g {user} ~{user}/.ssh",
            "# Its key. Another line with the same key would go before this one:",
            f"touch {keys} && sed -i '\\|{body}|d' {keys}",
            f"cat >> {keys} <<'END'",
            line,
            "END",
            f"chown {user}: {keys} && chmod 600 {keys}",
            "# What it may do. `Include` in /etc/ssh/sshd_config has to name this folder:",
            f"cat > {config} <<'END'",
            f"{match_block(settings, sshd)}END",
            "sshd -t && { systemctl reload ssh || systemctl reload sshd; }",
            ")",
            *_notes(settings, sshd),
            "",
        )
    )


def _unless_somebodys(user: str) -> Iterator[str]:
    yield f"""case "$(getent passwd {user} | cut -d : -f 3,7)" in"""
    yield "(0:*) false ;;"
    yield "(''|*/nologin|*/false) ;;"
    yield "(*) false ;;"
    yield "esac || {"
    yield f"    echo 'Somebody logs in as {user}, who could not any more. Nothing was done:' >&2"
    yield "    echo 'give the tunnel an account of its own by `user` in its settings.' >&2"
    yield "    exit 1"
    yield "}"


def _permits(settings: TunnelSettings) -> Iterator[tuple[str, str]]:
    yield "AuthenticationMethods", "publickey"
    yield "AllowTcpForwarding", "yes"
    yield "AllowStreamLocalForwarding", _stream_local(settings)
    yield "PermitListen", " ".join(_listens(settings))
    yield "PermitOpen", " ".join(_opens(settings))
    yield "GatewayPorts", "no"
    # No shell, no program and no files: a tunnel opens no session.
    yield "MaxSessions", "0"
    yield "PermitTTY", "no"
    yield "PermitTunnel", "no"
    yield "PermitUserRC", "no"
    yield "AllowAgentForwarding", "no"
    yield "X11Forwarding", "no"
    yield "ClientAliveInterval", str(ALIVE_INTERVAL_S)
    yield "ClientAliveCountMax", str(ALIVE_COUNT)
    # A listener does not count as use: what waits for work would be cut off.
    yield "UnusedConnectionTimeout", "none"
    if _sockets_there(settings):
        # The next connection takes the socket over at once, and the account's group gets to it.
        yield "StreamLocalBindUnlink", "yes"
        yield "StreamLocalBindMask", "0117"


def _listens(settings: TunnelSettings) -> list[str]:
    """Where the server may listen."""
    return _written(forward.listens_at for forward in settings.remote)


def _opens(settings: TunnelSettings) -> list[str]:
    """Where the server may connect to; to what it listens on too, which is how that is probed."""
    local = [forward.target for forward in settings.local]
    return _written([*local, *(forward.listens_at for forward in settings.remote)])


def _written(endpoints: Iterator[Endpoint] | list[Endpoint]) -> list[str]:
    written = dict.fromkeys(str(each) for each in endpoints if not each.path)
    return list(written) or [_NOWHERE]


def _stream_local(settings: TunnelSettings) -> str:
    # The first of them opens every socket that the account gets to: nothing narrower can be said.
    if any(forward.target.path for forward in settings.local):
        return "yes" if _sockets_there(settings) else "local"
    return "remote" if _sockets_there(settings) else "no"


def _sockets_there(settings: TunnelSettings) -> list[str]:
    return [forward.listen for forward in settings.remote if forward.listens_at.path]


def _notes(settings: TunnelSettings, sshd: SshdVersion) -> Iterator[str]:
    if not _knows(sshd, "PermitListen"):
        yield (
            "# This sshd is older than 7.8 and cannot limit where the account listens; it may take"
            " any port from 1024 on."
        )
    if not _knows(sshd, "ClientAliveInterval"):
        yield (
            f"# Put `ClientAliveInterval {ALIVE_INTERVAL_S}` at the head of /etc/ssh/sshd_config:"
            " an sshd older than 8.0 knows it for all accounts at once only."
        )
    if any(forward.target.path for forward in settings.local):
        yield (
            "# Where a Unix socket is reached, sshd cannot limit which: the account gets to every"
            " one that its rights on files let it open."
        )
    for path in _sockets_there(settings):
        yield f"# The folder of {path} has to be {settings.user}'s to write, and for its group."


def _knows(sshd: SshdVersion, keyword: str) -> bool:
    return sshd >= _SINCE.get(keyword, sshd)
