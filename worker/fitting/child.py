"""The process that checks answers: one after the other, for as long as somebody asks.

The seconds of one check are counted by the system, which ends the process when they are over: a
pattern that runs for ever would never look at a clock, and whoever asked may be dead.
"""

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import msgspec

from worker.fitting.frames import HEAD, Check, framed, size_in

_NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Serve whoever is at the other end of the socket."""
    options = _options()
    for number in _IGNORED:
        # The worker decides when this ends.
        signal.signal(number, signal.SIG_IGN)
    sys.addaudithook(_refuse_network)
    with suppress(ConnectionError):
        _serve(options.fd, options.limit_s)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.fitting.child", description=__doc__)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--limit-s", type=float, required=True)
    options = parser.parse_args()
    os.set_inheritable(options.fd, False)
    return options


def _refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK_EVENTS:
        raise PermissionError("what checks answers has no business on the network")


def _serve(fd: int, limit_s: float) -> None:
    with socket.socket(fileno=fd) as line, line.makefile("rb") as requests:
        # Seconds of import, of which no check is charged.
        from worker.fitting.fit import fit

        fit(Check("{}", "{}"))
        while len(head := requests.read(HEAD)) == HEAD:
            check = msgspec.json.decode(requests.read(size_in(head)), type=Check)
            signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
            checked = fit(check)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            line.sendall(framed(checked))


if __name__ == "__main__":
    main()
