"""A private broker for one data directory, where nobody configured any."""

import contextlib
import time

import redis

from jobs.addresses import masked
from jobs.errors import BrokerError
from nightmill.embedded.child import Child, python
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.servers import Kind, best_kind
from nightmill.embedded.sockets import short_folders, socket_path

#: How Celery begins the address of a Unix socket; redis-py writes `unix://`.
SOCKET_SCHEME = "redis+socket://"
START_S = 20.0


class EmbeddedBroker:
    """The broker of one data directory, run by a keeper that outlives neither it nor us."""

    def __init__(self, data_dir: DataDir, lifeline_fd: int, kind: Kind | None = None) -> None:
        self.kind: Kind = best_kind() if kind is None else kind
        self.socket = socket_path(data_dir, short_folders())
        self.url = f"{SOCKET_SCHEME}{self.socket}"
        self._data_dir = data_dir
        self._lifeline_fd = lifeline_fd
        self._keeper: Child | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raises `BrokerError` with what its log says."""
        command = python(
            "nightmill.embedded.keeper",
            *("--kind", self.kind),
            *("--socket", str(self.socket)),
            *("--folder", str(self._data_dir.broker)),
            *("--lifeline-fd", str(self._lifeline_fd)),
        )
        self._keeper = Child.start(command, self._data_dir.log_of("broker"), self._lifeline_fd)
        self._wait_until_it_answers(self._keeper)

    @property
    def is_running(self) -> bool:
        """Whether its keeper lives, who ends as soon as the server does."""
        return self._keeper is not None and self._keeper.exit_status is None

    def stop(self) -> None:
        """End it; does nothing where it does not run."""
        if self._keeper is not None:
            self._keeper.ask_to_end()
            self._keeper.ends_within(2.0)
            self._keeper.kill()
            self._keeper = None
        # Mere tidiness: a server that starts there takes its place anyway.
        with contextlib.suppress(OSError):
            self.socket.unlink()

    def _wait_until_it_answers(self, keeper: Child) -> None:
        deadline = time.monotonic() + START_S
        while not answers(self.url):
            if keeper.exit_status is not None or time.monotonic() > deadline:
                raise BrokerError(
                    f"The embedded broker ({self.kind}) did not start. Its log {keeper.log} ends"
                    f" with:\n{keeper.last_words()}"
                )
            time.sleep(0.02)


def require_answer(url: str) -> None:
    """Raise `BrokerError` unless the configured broker answers."""
    if not answers(url):
        raise BrokerError(
            f"The broker {masked(url)} does not answer. Start it, or correct `broker.url`; then"
            " give the same command again."
        )


def answers(url: str) -> bool:
    """Whether a broker answers at this address."""
    client = redis.Redis.from_url(url.replace(SOCKET_SCHEME, "unix://", 1), socket_timeout=5)
    with client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
