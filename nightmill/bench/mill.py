"""Our side: the real broker, the real worker in a process of its own, and the dispatcher."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from types import TracebackType
from typing import Self

import msgspec

from jobs.broker import celery_app
from jobs.errors import StoppedEarlyError
from jobs.loops import run_steps
from jobs.model import Counts
from jobs.settings_pools import PoolSettings
from jobs.store import batches
from jobs.store.store import Store
from jobs.wire import MAX_PACK
from nightmill.bench.worker_process import Spec
from nightmill.embedded.broker import EmbeddedBroker
from nightmill.embedded.child import Child, python
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lifeline import Lifeline
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher

#: Time for a worker to start, its model included.
START_S = 120.0
#: How often the end of a batch is looked for; the precision of what is measured.
_LOOK_S = 0.02

#: Raises where what it looks after has failed.
Check = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What was done, and how long it took."""

    jobs: int
    #: Tokens of answers.
    tokens: int
    seconds: float
    #: Jobs that a worker had at once, on the average.
    held: float


class Mill:
    """Broker and worker of one pool, on one store, for as long as the block lasts.

    With `broker_url` there is a broker already, and none of its own. Without `keeps_leases` no
    heart beats and nobody looks for leases that ran out. `answer_s` is what the null backend
    takes for an answer, `grace_s` what its worker leaves to running jobs when it is to rest.
    """

    def __init__(
        self,
        folder: Path,
        store_url: str,
        pool: PoolSettings,
        *,
        broker_url: str | None = None,
        keeps_leases: bool = True,
        answer_s: float = 0.0,
        grace_s: float = 30.0,
    ) -> None:
        self.pool = pool.backend
        self._data_dir = DataDir(folder)
        self._store_url = store_url
        self._settings = pool
        self._lifeline = Lifeline()
        self._keeps_leases = keeps_leases
        self._answer_s = answer_s
        self._grace_s = grace_s
        self._broker_url = broker_url
        self._broker = EmbeddedBroker(self._data_dir, self._lifeline.fd)
        self.store = Store.open(store_url)
        self._worker: Child | None = None

    @property
    def broker_url(self) -> str:
        """Where the broker is, once it was started."""
        return self._broker_url or self._broker.url

    @property
    def broker_kind(self) -> str:
        """Which server the broker is."""
        return self._broker.kind

    def __enter__(self) -> Self:
        try:
            self._data_dir.prepare()
            if self._broker_url is None:
                self._broker.start()
            self._start_worker()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def drain(self, batch_id: str, most_in_pack: int = MAX_PACK) -> Drained:
        """Let a batch that is all in the store run to its end.

        Raises `StoppedEarlyError` where anything but answers came of it.
        """
        began, held = time.perf_counter(), list[int]()
        with self.dispatching(most_in_pack) as check:
            while (counts := self._counts(batch_id)).unfinished:
                held.append(counts.running)
                check()
                time.sleep(_LOOK_S)
            seconds = time.perf_counter() - began
        if counts.succeeded != counts.total:
            raise StoppedEarlyError(f"Only {counts.succeeded} of {counts.total} jobs succeeded.")
        return Drained(
            jobs=counts.succeeded,
            tokens=counts.output_tokens,
            seconds=seconds,
            held=mean(held) if held else 0.0,
        )

    @contextmanager
    def dispatching(self, most_in_pack: int = MAX_PACK) -> Iterator[Check]:
        """Hand out what is in the store, for as long as the block lasts.

        What it gives raises `StoppedEarlyError` where something of our side has failed.
        """
        publisher = Publisher(celery_app(self.broker_url, (self.pool,)))
        dispatcher = Dispatcher(
            self.store, publisher, most_in_pack=most_in_pack, reaps=self._keeps_leases
        )
        stop, faults = threading.Event(), list[Exception]()
        thread = threading.Thread(
            target=run_steps,
            args=(dispatcher.step, stop, faults.append),
            kwargs={"name": "The dispatcher"},
        )

        def check() -> None:
            if faults or self._has_died():
                raise StoppedEarlyError(self._why(faults))

        thread.start()
        try:
            yield check
        finally:
            stop.set()
            thread.join()
            publisher.close()

    def _counts(self, batch_id: str) -> Counts:
        with self.store.read() as c:
            return batches.counts(c, batch_id)

    def _start_worker(self) -> None:
        spec = Spec(
            data_dir=str(self._data_dir.path),
            store_url=self._store_url,
            broker_url=self.broker_url,
            pool=self.pool,
            settings=self._settings.model_dump(mode="json"),
            lifeline_fd=self._lifeline.fd,
            ready=str(self._data_dir.path / f"ready-{uuid.uuid4()}"),
            beats=self._keeps_leases,
            answer_s=self._answer_s,
            grace_s=self._grace_s,
        )
        # In a file: the address of a store may hold a password.
        path = self._data_dir.path / "worker.json"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(spec))
        self._worker = Child.start(
            python("nightmill.bench.worker_process", str(path)),
            self._data_dir.log_of("worker"),
            self._lifeline.fd,
        )
        deadline = time.monotonic() + START_S
        while not Path(spec.ready).exists():
            if self._has_died() or time.monotonic() > deadline:
                raise StoppedEarlyError(self._why([]))
            time.sleep(0.02)

    def _has_died(self) -> bool:
        return self._worker is not None and self._worker.exit_status is not None

    def _why(self, faults: list[Exception]) -> str:
        words = "" if self._worker is None else self._worker.last_words()
        return (
            f"Our side stopped. {' '.join(map(str, faults))} The worker's log ends with:\n{words}"
        )

    def _stop(self) -> None:
        with ExitStack() as last_first:
            last_first.callback(self._lifeline.cut)
            last_first.callback(self.store.close)
            last_first.callback(self._broker.stop)
            if self._worker is not None:
                last_first.callback(self._worker.kill)
                self._worker.ask_to_end()
                self._worker.ends_within(5.0)
