"""Who may see what: decided for every request, before Flower gets to see it.

Flower leaves some of its pages open to everybody, trusts the environment with its API, and does
not look at the name that it was called by. None of that matters behind this.
"""

import hmac
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jobs.addresses import is_this_machine

#: Whoever may see everything may still change nothing: workers are controlled by signals and
#: through the store.
_READING = frozenset({"GET", "HEAD"})

#: Where Flower's page of tasks asks for its rows; what it looks for may be too long for a URL.
_READING_BY_POST = "/tasks/datatable"

#: Flower's own: what controls workers, and the log-in that it would need for that.
_CLOSED = ("/api", "/login", "/logout")

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    message: str
    headers: Mapping[str, str] = _NO_HEADERS


def refusal(
    *, credentials: str | None, method: str, path: str, host: str, authorization: str, site: str
) -> Refusal | None:
    """What is wrong with a request; None where it is to be answered.

    `credentials` is `user:password`, or None where nobody but this machine can connect; `host`,
    `authorization` and `site` are the headers Host, Authorization and Sec-Fetch-Site, empty where
    there is none.
    """
    if credentials is None:
        # A page elsewhere can give itself our address by a name of its own, and read us then.
        name = host_name(host)
        if "/" in name or not is_this_machine(name):
            return _OTHER_NAME
    elif not _is_authorized(authorization, credentials):
        return _UNKNOWN
    if method not in _READING and (method, path) != ("POST", _READING_BY_POST):
        return _CHANGING
    if method == "POST" and site not in {"", "same-origin"}:
        return _ELSEWHERE
    if any(path == closed or path.startswith(closed + "/") for closed in _CLOSED):
        return _OFF
    return None


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_authorized(authorization: str, credentials: str) -> bool:
    kind, _, given = authorization.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        decoded = b64decode(given.strip(), validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(decoded, credentials.encode())


_OTHER_NAME = Refusal(403, "Open this page as http://127.0.0.1 or http://localhost.")
_UNKNOWN = Refusal(
    401, "User and password, please.", {"WWW-Authenticate": 'Basic realm="nightmill"'}
)
_CHANGING = Refusal(405, "These pages only show; they change nothing.", {"Allow": "GET, HEAD"})
_ELSEWHERE = Refusal(403, "This can only be asked for by a page of Flower's.")
_OFF = Refusal(403, "Flower's API and log-in are off. The pages of `nightmill monitor` need none.")
