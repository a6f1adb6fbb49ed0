"""Who has a port of this machine."""

import psutil

from jobs.endpoints import Endpoint

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  (looked for, not listened at)


def holder_of(listen: Endpoint) -> str:
    """The process that listens there, for people; `another process` where nobody may know."""
    hosts = _EVERYWHERE | {listen.host}
    try:
        pids = {
            each.pid
            for each in psutil.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
            and each.laddr
            and each.laddr.port == listen.port
            and each.laddr.ip in hosts
            and each.pid
        }
        names = sorted(f"{psutil.Process(pid).name()} (process {pid})" for pid in pids)
    except psutil.Error:
        names = []
    return " and ".join(names) or "another process"
