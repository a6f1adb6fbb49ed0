"""Why a tunnel is not up, said so that people know what helps.

Everything that asyncssh and sockets raise while a connection is made becomes a `TunnelError`.
"""

import errno
import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh

from jobs.endpoints import Endpoint
from jobs.errors import NightmillError
from jobs.tunnels import Cause


class TunnelError(NightmillError):
    """The connection could not be made, or ended: what to do next is in its `cause`."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        #: The server that it is about; empty where it is about none, or about several.
        self.server = ""


def unreached(server: Endpoint, address: str, error: OSError) -> TunnelError:
    """Why no connection to an address of a server came about."""
    where = _where(server, address)
    if isinstance(error, TimeoutError):
        why = f"{where} does not answer. Is it on, and does its firewall let port {server.port} in?"
    elif isinstance(error, ConnectionRefusedError):
        why = (
            f"Nothing listens at {where}. Is sshd running there (`systemctl status ssh`), and is "
            "the port right?"
        )
    elif _is_hidden_by_macos(error, address):
        why = (
            f"macOS keeps this program from {where}. Allow it in System Settings, Privacy & "
            "Security, Local Network, or run it as a daemon: `nightmill service install "
            "tunnel`."
        )
    elif error.errno in _NO_ROUTE:
        only = " It has only an IPv6 address, and this network has no IPv6." * (":" in address)
        why = f"There is no route to {where}.{only} Is this machine online?"
    else:
        why = f"{where} cannot be reached: {error.strerror or error}."
    return TunnelError(Cause.UNREACHABLE, why)


@contextmanager
def translated(server: Endpoint, user: str) -> Iterator[None]:
    """Raise a `TunnelError` for what goes wrong from reaching a server to being logged in."""
    try:
        yield
    except TimeoutError:
        raise TunnelError(Cause.LOST, _NO_LOGIN.format(server=server)) from None
    except asyncssh.DisconnectError as error:
        raise _of_login(error, server, user) from error
    except Exception as error:
        # asyncssh passes on whatever goes wrong inside of it, also what is no error of its own.
        raise TunnelError(
            Cause.LOST, f"The login at {server} broke off: {_shown(str(error))}."
        ) from error


def ended(error: Exception | None) -> TunnelError:
    """Why a connection that was up is there no more, by what its end gave as the reason."""
    if error is None:
        return TunnelError(Cause.LOST, "The server closed the connection.")
    if isinstance(error, asyncssh.ConnectionLost) and "keepalive" in error.reason:
        return TunnelError(Cause.SILENT, "The server does not answer any more.")
    return TunnelError(Cause.LOST, f"The connection broke: {_shown(str(error))}.")


def _of_login(error: asyncssh.DisconnectError, server: Endpoint, user: str) -> TunnelError:
    text = _shown(error.reason)
    cause, sentence = Cause.LOST, "{server} ended the login: {text}."
    if isinstance(error, _NOT_LET_IN) or "authentication failures" in text:
        cause, sentence = Cause.AUTHENTICATION, _NOT_TAKEN
    elif isinstance(error, asyncssh.HostKeyNotVerifiable):
        cause, sentence = Cause.HOST_KEY, "The host key of {server} is not taken: {text}."
    elif isinstance(error, asyncssh.KeyExchangeFailed):
        is_other = "host key" in text
        cause = Cause.HOST_KEY if is_other else Cause.CONFIGURATION
        sentence = _OTHER_KIND if is_other else "{server} and this machine agree on no way: {text}."
    elif isinstance(error, asyncssh.ConnectionLost):
        sentence = _NO_LOGIN if "Login timeout" in text else _HUNG_UP
    return TunnelError(cause, sentence.format(server=server, user=user, text=text))


def _shown(text: str) -> str:
    """What a server said, as far as it can be shown."""
    return "".join(each for each in text if each.isprintable())[:200].rstrip(".")


def _where(server: Endpoint, address: str) -> str:
    return str(server) if server.host == address else f"{server} ({address})"


def _is_hidden_by_macos(error: OSError, address: str) -> bool:
    return (
        sys.platform == "darwin"
        and error.errno == errno.EHOSTUNREACH
        and ipaddress.ip_address(address.partition("%")[0]).is_private
    )


_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN}
_NOT_LET_IN = (asyncssh.PermissionDenied, asyncssh.IllegalUserName)
_NOT_TAKEN = (
    "{server} does not let {user} in with this key. Is there such a user, and is the key's line in "
    "its authorized_keys? `nightmill tunnel doctor` prints that line."
)
_OTHER_KIND = (
    "{server} has no host key of the kind that was pinned. If that is meant, look at the new one: "
    "`nightmill tunnel trust`."
)
_NO_LOGIN = (
    "{server} was reached and did not let anybody log in, for too long; or it is no SSH server."
)
_HUNG_UP = (
    "{server} hung up before the login. Its sshd is starting, has too many logins at once "
    "(MaxStartups), shuts this address out for a while (PerSourcePenalties), or it is no SSH "
    "server."
)
