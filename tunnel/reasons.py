"""What is wrong with a forward and what helps, in sentences."""

import errno

import asyncssh

from jobs.endpoints import Endpoint
from tunnel.forward import Forward

#: What prints the lines for the server, and what helps once they are there.
_LINES = (
    "`nightmill tunnel doctor` prints the lines for the server. They count for new connections: "
    "one is tried now and then, at once by `nightmill tunnel reload`."
)


def not_opened(forward: Forward, error: asyncssh.ChannelOpenError) -> str:
    """Why the server leads nobody to where a forward goes."""
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return _forbidden(forward.to)
    return (
        f"Nothing answers at {forward.to} on the server ({_words(error)}). Start the service "
        "there, or correct `to`."
    )


def dead(forward: Forward, trouble: str) -> str:
    """What is behind a forward does not do what it should."""
    where = "on the server" if forward.direction == "local" else "here"
    return f"What is at {forward.to} {where} {trouble}. Look after the service there."


def no_answer(forward: Forward, within_s: float) -> str:
    """It may be the service, or the whole connection."""
    return f"No answer came through {forward} within {within_s:g} s."


def not_asked(listen: Endpoint) -> str:
    """It works as far as one can see from here."""
    how = (
        "AllowStreamLocalForwarding yes in its sshd_config"
        if listen.path
        else f'permitopen="{listen}" for the key'
    )
    return f"It listens, but its sshd does not let us ask it ({how} would); its target answers."


def taken_here(forward: Forward, holder: str) -> str:
    """Somebody else listens."""
    return (
        f"{forward.listen} is taken here by {holder}. End that, or choose another `listen`; "
        "it is tried again by itself."
    )


def not_bound(forward: Forward, error: OSError) -> str:
    """The system does not let us listen."""
    listen = forward.listen
    if error.errno in (errno.EACCES, errno.EPERM):
        way_out = "Choose a folder that is yours" if listen.path else "Choose a port from 1024 on"
    elif error.errno == errno.EADDRNOTAVAIL:
        way_out = "This machine has no such address: choose 127.0.0.1"
    else:
        way_out = "Choose another `listen`"
    return f"{listen} cannot be listened at here: {error.strerror}. {way_out}."


def taken_there(listen: Endpoint) -> str:
    """Somebody listens on the server: most likely a connection of ours that is dead."""
    return (
        f"{listen} is taken on the server, most likely by an earlier connection of ours that its "
        "sshd takes for alive. ClientAliveInterval 15 in its sshd_config ends those within a "
        f"minute; otherwise see there who has it: `ss -ltnp 'sport = :{listen.port}'`."
    )


def gone_there(listen: Endpoint) -> str:
    """It did listen, and does not."""
    return f"The server does not listen at {listen} any more. It is asked to again by itself."


def not_permitted(listen: Endpoint) -> str:
    """Nobody listens there, and we may not."""
    return (
        f'The server does not let us listen at {listen}: permitlisten="{listen}" for the key, '
        f"PermitListen {listen} and AllowTcpForwarding yes in its sshd_config would. {_LINES}"
    )


def taken_or_not_permitted(listen: Endpoint) -> str:
    """SSH has no words for which of both it is."""
    if listen.path:
        return (
            f"The server does not listen at {listen}: the file is there already and its "
            "sshd_config has no StreamLocalBindUnlink yes, or AllowStreamLocalForwarding is not "
            f"yes there. {_LINES}"
        )
    return (
        f"The server does not listen at {listen}: it is taken there, most likely by an earlier "
        "connection of ours (ClientAliveInterval 15 in its sshd_config ends those within a "
        f'minute), or not permitted (permitlisten="{listen}" for the key). {_LINES}'
    )


def _forbidden(to: Endpoint) -> str:
    if to.path:
        return (
            f"The server does not let us through to {to}: its sshd_config needs "
            f"AllowStreamLocalForwarding yes. {_LINES}"
        )
    return (
        f'The server does not let us through to {to}: permitopen="{to}" for the key, PermitOpen '
        f"{to} and AllowTcpForwarding yes in its sshd_config would. {_LINES}"
    )


def _words(error: asyncssh.ChannelOpenError) -> str:
    """The server's, as far as they can be shown."""
    return "".join(each for each in error.reason if each.isprintable())[:80] or "no reason given"
