"""What goes wrong on the way to a server, as sentences."""

import errno
import inspect
from collections.abc import Iterator

import asyncssh
import pytest

from jobs.endpoints import Endpoint
from jobs.tunnels import Cause
from tunnel.failures import TunnelError, ended, translated, unreached

SERVER = Endpoint("mill.example.org", 22)


def disconnects() -> Iterator[asyncssh.DisconnectError]:
    """One of each that asyncssh has, and one that it has no class for."""
    for each in vars(asyncssh).values():
        if inspect.isclass(each) and issubclass(each, asyncssh.DisconnectError):
            few = len(inspect.signature(each).parameters) == 2
            yield each("words of the server") if few else each(2, "words of the server")


def caught(error: Exception) -> TunnelError:
    with pytest.raises(TunnelError) as found, translated(SERVER, "mill"):
        raise error
    return found.value


@pytest.mark.parametrize("error", [*disconnects()], ids=lambda error: type(error).__name__)
def test_every_way_in_which_a_login_fails_is_a_sentence_that_names_the_server(
    error: asyncssh.DisconnectError,
) -> None:
    failure = caught(error)
    assert str(SERVER) in str(failure)
    assert str(failure).endswith(".")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (asyncssh.PermissionDenied("no"), Cause.AUTHENTICATION),
        (asyncssh.DisconnectError(2, "Too many authentication failures"), Cause.AUTHENTICATION),
        (asyncssh.HostKeyNotVerifiable("no"), Cause.HOST_KEY),
        (
            asyncssh.KeyExchangeFailed("No matching server host key algorithm found"),
            Cause.HOST_KEY,
        ),
        (asyncssh.KeyExchangeFailed("No matching MAC algorithm found"), Cause.CONFIGURATION),
        (asyncssh.ConnectionLost("Connection lost"), Cause.LOST),
        (asyncssh.ConnectionLost("Login timeout expired"), Cause.LOST),
        (TimeoutError(), Cause.LOST),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Cause.LOST),
        (asyncssh.ChannelListenError("no"), Cause.LOST),
        (AssertionError("inside of asyncssh"), Cause.LOST),
    ],
    ids=str,
)
def test_a_failed_login_says_what_helps(error: Exception, cause: Cause) -> None:
    assert caught(error).cause is cause


@pytest.mark.parametrize(
    "error", [asyncssh.ConnectionLost("Connection lost"), TimeoutError()], ids=str
)
def test_what_may_be_no_ssh_server_is_told_as_such(error: Exception) -> None:
    assert "is no SSH server" in str(caught(error))


def test_an_end_that_is_not_said_is_told_from_one_that_is() -> None:
    silent = asyncssh.ConnectionLost("Server not responding to keepalive")
    assert ended(silent).cause is Cause.SILENT
    assert ended(asyncssh.ConnectionLost("Connection lost")).cause is Cause.LOST
    assert ended(None).cause is Cause.LOST


def test_what_a_server_says_cannot_write_on_a_terminal() -> None:
    rude = asyncssh.DisconnectError(2, "bye\x1b[2J\n")
    assert str(ended(rude)).endswith("bye[2J.")
    assert str(caught(ValueError("bye\x1b[2J"))).endswith("bye[2J.")


@pytest.mark.parametrize(
    ("error", "address", "words"),
    [
        (TimeoutError(), "192.0.2.1", "does not answer"),
        (ConnectionRefusedError(), "192.0.2.1", "Nothing listens at"),
        (OSError(errno.ENETUNREACH, "no"), "2001:db8::1", "only an IPv6 address"),
        (OSError(errno.EHOSTUNREACH, "no"), "192.0.2.1", "no route"),
        (OSError(errno.EMFILE, "Too many open files"), "192.0.2.1", "Too many open files"),
    ],
    ids=str,
)
def test_what_is_not_reached_says_where_and_why(error: OSError, address: str, words: str) -> None:
    failure = unreached(SERVER, address, error)
    assert failure.cause is Cause.UNREACHABLE
    assert f"{SERVER} ({address})" in str(failure)
    assert words in str(failure)


def test_macos_that_hides_the_network_at_home_is_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    hidden = OSError(errno.EHOSTUNREACH, "No route to host")
    assert "Local Network" in str(unreached(SERVER, "192.168.1.20", hidden))
    assert "Local Network" not in str(unreached(SERVER, "8.8.8.8", hidden))
