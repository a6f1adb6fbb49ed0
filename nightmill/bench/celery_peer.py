"""The peer of the queue bench: a Celery worker that has nothing to do but take messages."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, cast

from celery import Celery

from jobs.errors import StoppedEarlyError
from nightmill.bench.celery_process import NAME, QUEUE, TASK, bare_app
from nightmill.embedded.child import python
from nightmill.embedded.lifeline import Lifeline


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The settings of a Celery worker that matter for its speed."""

    concurrency: int
    prefetch_multiplier: int
    acks_late: bool

    def describe(self) -> str:
        """For the results."""
        when = "after" if self.acks_late else "before"
        return (
            f"{self.concurrency} threads, prefetch multiplier {self.prefetch_multiplier},"
            f" acknowledged {when} the task"
        )


class CeleryPeer:
    """A running worker; `drain` may be called again and again."""

    def __init__(self, app: Celery, orders: IO[str], answers: IO[str]) -> None:
        self._app = app
        self._orders = orders
        self._answers = answers
        self._hear("ready")

    def drain(self, tasks: int, ids_in_task: int) -> float:
        """Let it take so many messages that are in the queue already; ids a second."""
        self._fill(tasks, ids_in_task)
        self._tell(f"expect {tasks * ids_in_task}")
        self._hear("ready")
        began = time.perf_counter()
        self._app.control.add_consumer(QUEUE, destination=[NAME])
        self._hear("done")
        elapsed_s = time.perf_counter() - began
        self._app.control.cancel_consumer(QUEUE, destination=[NAME], reply=True, timeout=10)
        return tasks * ids_in_task / elapsed_s

    def _fill(self, tasks: int, ids_in_task: int) -> None:
        # As long as ours are, so that both carry the same bytes.
        ids = [[f"j-{number:036d}", 1] for number in range(ids_in_task)]
        with self._app.producer_or_acquire() as producer, producer.batch():
            for _ in range(tasks):
                self._app.send_task(TASK, (ids,), queue=QUEUE, producer=producer)

    def _tell(self, line: str) -> None:
        self._orders.write(line + "\n")
        self._orders.flush()

    def _hear(self, word: str) -> None:
        heard = self._answers.readline().strip()
        if heard != word:
            raise StoppedEarlyError(f"Celery alone stopped: heard {heard!r} instead of {word}.")


@contextmanager
def celery_worker(broker_url: str, tuning: Tuning) -> Iterator[CeleryPeer]:
    """A worker set like this, for as long as the block lasts."""
    lifeline, app = Lifeline(), bare_app(broker_url)
    with ExitStack() as last_first:
        last_first.callback(lifeline.cut)
        last_first.callback(app.close)
        process = subprocess.Popen(
            python("nightmill.bench.celery_process", *_arguments(broker_url, tuning, lifeline.fd)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(lifeline.fd,),
            process_group=0,
            text=True,
        )
        last_first.enter_context(process)
        last_first.callback(process.kill)
        yield CeleryPeer(app, cast("IO[str]", process.stdin), cast("IO[str]", process.stdout))


def candidates(concurrency: int) -> list[Tuning]:
    """How Celery may be set; which is best depends on the machine."""
    return [
        Tuning(concurrency=concurrency, prefetch_multiplier=multiplier, acks_late=acks_late)
        for multiplier in (1, 4)
        for acks_late in (False, True)
    ]


def best_tuning(broker_url: str, tunings: Sequence[Tuning], tasks: int) -> Tuning:
    """The fastest on this machine, each tried once."""
    speeds: dict[Tuning, float] = {}
    for tuning in tunings:
        with celery_worker(broker_url, tuning) as worker:
            speeds[tuning] = worker.drain(tasks, 1)
    return max(speeds, key=lambda tuning: speeds[tuning])


def _arguments(broker_url: str, tuning: Tuning, lifeline_fd: int) -> list[str]:
    arguments = ["--broker-url", broker_url, "--lifeline-fd", str(lifeline_fd)]
    arguments += ["--concurrency", str(tuning.concurrency)]
    arguments += ["--prefetch-multiplier", str(tuning.prefetch_multiplier)]
    return [*arguments, "--acks-late"] if tuning.acks_late else arguments
