"""A store as it looks in the middle of a night, and a monitor that serves it."""

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import text

from jobs.broker import celery_app
from jobs.settings import Settings
from jobs.states import JobState
from jobs.store import hosts, samples, tunnels
from jobs.store.hosts import HostRow
from jobs.store.samples import EVERY_S
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import ForwardReport, ForwardState, TunnelReport, TunnelState
from monitoring.app import Monitor
from monitoring.pages.overview import overview
from monitoring.serving import Place, serve
from nightmill.monitor_process import broker_url, list_batches
from tests.jobs.store.desk import Desk, line, outcome
from tests.worker.conftest import Process

CANARY = "canary-prompt-that-must-stay-in-the-store"
ANSWER = "canary-answer-that-must-stay-in-the-store"


#: A tunnel as it is most of the time.
UP = TunnelReport(
    name="home",
    state=TunnelState.UP,
    server="192.168.1.20:22",
    up_s=7_500.0,
    connects=3,
    failures={"silent": 2},
    forwards=(
        ForwardReport(
            direction="local",
            listen="127.0.0.1:6379",
            to="127.0.0.1:6379",
            probe="redis",
            state=ForwardState.UP,
            rtt_ms=3.2,
            answered_s=1.0,
        ),
        ForwardReport(
            direction="remote",
            listen="127.0.0.1:11435",
            to="127.0.0.1:11434",
            probe="http",
            state=ForwardState.UP,
            rtt_ms=12.0,
            answered_s=1.0,
        ),
    ),
)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Served:
    """A monitor that runs in this process, in a thread of its own."""

    store: Store
    url: str = ""
    ending: threading.Event = field(default_factory=threading.Event)
    end: Callable[[], None] = lambda: None

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def get(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> Answer:
        """Ask for a path as a browser would, and take what comes."""
        at = urlsplit(self.url)
        with closing(http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)) as c:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            c.request(method, path, body=body, headers=given)
            response = c.getresponse()
            text = response.read().decode("utf-8", "replace")
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)

    def overview(self, span: int = 3600) -> Any:
        """The value of the page."""
        return self.get(f"/overview.json?span={span}").json


class Working(NamedTuple):
    """A batch that is being worked on, and a monitor beside it."""

    served: Served
    worker: Process
    batch_id: str
    broker_url: str

    def is_done(self) -> bool:
        return bool(self.served.overview()["batches"][0]["state"] == "completed")


class End(Exception):  # noqa: N818  (nothing went wrong)
    """The test is over."""


def serve_in_thread(
    store: Store, settings: Settings, credentials: str | None, port: int
) -> tuple[Served, Callable[[], None]]:
    """A monitor, once it can be asked, and what ends it."""
    served, started = Served(store), threading.Event()
    app = celery_app(broker_url(settings), tuple(settings.pools))

    def on_start(url: str) -> None:
        served.url = url
        started.set()

    def check() -> None:
        if served.ending.is_set():
            raise End

    def run() -> None:
        place = Place(address="127.0.0.1", port=port, credentials=credentials)
        pages = [overview(list_batches)]
        with suppress(End):
            serve(place, lambda: Monitor(app, store, pages, credentials), on_start, check)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(30)

    def end() -> None:
        served.ending.set()
        thread.join(30)
        assert not thread.is_alive()

    return served, end


@dataclass
class Night:
    """What tests put into a store."""

    store: Store

    @property
    def desk(self) -> Desk:
        return Desk(self.store)

    @property
    def now(self) -> float:
        return float(self.desk.ask("SELECT (julianday('now') - 2440587.5) * 86400.0")[0][0])

    def host(self, name: str = "mlx@studio", pool: str = "mlx", **changes: Any) -> None:
        values = {
            "name": name,
            "session": f"session of {name}",
            "pool": pool,
            "slots": 32,
            "models": ("qwen3-30b-a3b", "demo"),
            "machine": "Apple M3 Ultra, 256 GB",
            "version": "0.1.0",
        }
        with self.store.write() as c:
            hosts.announce(c, HostRow(**values | changes))

    def lose(self, name: str, seconds: float) -> None:
        """Nobody has heard of a host for so long."""
        self.desk.do("UPDATE hosts SET seen_at = seen_at - :s WHERE name = :n", s=seconds, n=name)

    def tunnel(self, report: TunnelReport, guard: str = "", **changes: Any) -> None:
        """A tunnel that brings the hosts of a machine, as it says of itself now."""
        values = {
            "session": "session of the tunnel",
            "guard": guard,
            "brings": True,
            "pools": (),
            "machine": "studio",
            "version": "0.1.0",
        }
        with self.store.write() as c:
            tunnels.take(c, TunnelRow(name=report.name, report=report, **values | changes))

    def cut(self, seconds: float) -> None:
        """Nothing has come through tunnels for so long."""
        self.desk.do(
            "UPDATE tunnels SET seen_at = seen_at - :s, lease_until = lease_until - :s", s=seconds
        )
        self.desk.do("UPDATE hosts SET seen_at = seen_at - :s WHERE guard <> ''", s=seconds)

    def batch(
        self, name: str, rows: int, *, done: int = 0, failed: int = 0, running: int = 0, **new: Any
    ) -> str:
        """A batch with so many of its rows done."""
        pool = new.get("pool", "mlx")
        batch_id = self.desk.batch(
            *(line(i, pool=pool, body=json.dumps({"prompt": CANARY})) for i in range(1, rows + 1)),
            batch_id=f"b-{name[:20]}",
            name=name,
            **new,
        )
        taken = self.desk.claim(self.desk.dispatch(done + failed + running, pool))
        ended = [outcome(job, text=ANSWER, input_tokens=90, pool=pool) for job in taken[:done]]
        ended += [outcome(job, JobState.FAILED, pool=pool) for job in taken[done : done + failed]]
        self.desk.record(*ended)
        return batch_id

    def speed(self, batch_id: str, jobs_per_s: float, tokens_per_s: float) -> None:
        self.desk.do(
            "UPDATE batches SET jobs_per_s = :j, tokens_per_s = :t WHERE id = :b",
            j=jobs_per_s,
            t=tokens_per_s,
            b=batch_id,
        )

    def pace(
        self, pool: str, seconds: float, jobs: Callable[[float], float], *, upto_s_ago: float = 0
    ) -> None:
        """Samples of a pool over the last seconds; `jobs` gives jobs a second by the age."""
        now = self.now
        count = int((seconds - upto_s_ago) / EVERY_S)
        ages = [upto_s_ago + EVERY_S * i for i in range(count)]
        rows = [
            {"p": pool, "a": now - age, "j": round(jobs(age) * EVERY_S), "q": round(age)}
            for age in ages
        ]
        with self.store.write() as c:
            c.execute(
                text("INSERT INTO samples VALUES (:p, :a, :j, :j * 90, :j * 13, :j / 5, :q)"), rows
            )

    def samples(self, running: dict[str, int]) -> None:
        with self.store.write() as c:
            samples.sample(c, running)


def names(pools: Sequence[dict[str, Any]]) -> list[str]:
    return [pool["name"] for pool in pools]
