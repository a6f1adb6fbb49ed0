"""A store with work in it, hosts that come and go, and a broker to look into."""

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import redis
from sqlalchemy import text

from jobs import ids
from jobs.codes import ErrorCode
from jobs.errors import BrokerError
from jobs.model import Batch, Claimed, Hint, NewBatch, NewJob, Outcome
from jobs.states import JobState
from jobs.store import batches, hosts, ingest, running
from jobs.store.store import Store
from jobs.wire import KEY_PREFIX, decode_pack
from nightmill.embedded.servers import Kind, server_command
from producer import reopening
from producer.dispatcher import UPKEEP_S, Dispatcher
from tests.waiting import eventually

CANARY = "CANARY-prompt-that-must-stay-in-the-store"
POOL = "null"
SESSION, HOST = "session-1", "host-1"


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def look(dispatcher: Dispatcher, clock: Clock) -> None:
    """A step that looks after everything, too."""
    clock.now += UPKEEP_S
    dispatcher.step()


@dataclass
class Work:
    """What tests do to a store from outside the dispatcher."""

    store: Store

    def host(self, slots: int, pool: str = POOL, name: str = HOST) -> None:
        row = hosts.HostRow(
            name=name,
            session=SESSION,
            pool=pool,
            slots=slots,
            models=("m",),
            machine="",
            version="0",
        )
        with self.store.write() as c:
            hosts.announce(c, row)

    def batch(
        self, lines: int, pool: str = POOL, priority: int = 0, max_failures: float = 0.5
    ) -> str:
        batch_id = ids.batch_id()
        new = NewBatch(
            name="batch",
            run_key=batch_id,
            source="in.jsonl",
            output="",
            into="response",
            options={},
            model="m",
            pool=pool,
            priority=priority,
            max_failures=max_failures,
        )
        with self.store.write(durable=True) as c:
            batches.create(c, batch_id, new)
            ingest.add(c, batch_id, 1, [_line(number, pool) for number in range(1, lines + 1)])
            batches.finish_ingest(c, batch_id, "hash")
        return batch_id

    def claim(self, hints: Sequence[Hint]) -> list[Claimed]:
        with self.store.write() as c:
            return running.claim(c, SESSION, HOST, hints, 60)

    def finish(self, claimed: Sequence[Claimed], pool: str = POOL) -> set[str]:
        with self.store.write(durable=True) as c:
            return running.record(c, [_outcome(job, pool) for job in claimed])

    def fail(self, hints: Sequence[Hint]) -> None:
        failed = {"state": JobState.FAILED, "text": None, "finish_reason": None}
        code = {"error_code": ErrorCode.REFUSED, "error_message": "No."}
        claimed = self.claim(hints)
        with self.store.write(durable=True) as c:
            outcomes = [_outcome(job, POOL) for job in claimed]
            running.record(c, [msgspec.structs.replace(o, **failed, **code) for o in outcomes])

    def run(self, hints: Sequence[Hint]) -> None:
        self.finish(self.claim(hints))

    def states(self, batch_id: str) -> dict[str, int]:
        with self.store.read() as c:
            counts = batches.counts(c, batch_id)
        return {state: getattr(counts, state) for state in JobState if getattr(counts, state)}

    def batch_state(self, batch_id: str) -> str:
        with self.store.read() as c:
            return batches.get(c, batch_id).state

    def paused_reason(self, batch_id: str) -> str | None:
        with self.store.read() as c:
            return batches.get(c, batch_id).paused_reason

    def resume(self, batch_id: str) -> Batch:
        """The command that began a batch is given again."""
        reopening.resume(self.store, batch_id, lambda _c: None)
        with self.store.read() as c:
            return batches.get(c, batch_id)

    def sql(self, statement: str, **values: object) -> None:
        with self.store.write() as c:
            c.execute(text(statement), values)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.store.read() as c:
            return [tuple(row) for row in c.execute(text(statement))]

    def age_dispatched(self, seconds: float) -> None:
        self.sql("UPDATE jobs SET dispatched_at = dispatched_at - :seconds", seconds=seconds)


def _line(number: int, pool: str) -> NewJob:
    return NewJob(
        line=number,
        custom_id=f"row-{number}",
        kind="row",
        row=json.dumps({"prompt": CANARY}),
        body=json.dumps({"model": "m", "messages": [{"role": "user", "content": CANARY}]}),
        hash="h",
        model="m",
        pool=pool,
    )


def _outcome(job: Claimed, pool: str) -> Outcome:
    return Outcome(
        job_id=job.job_id,
        batch_id=job.batch_id,
        run=job.run,
        epoch=job.epoch,
        attempt=job.attempt,
        session=SESSION,
        host=HOST,
        pool=pool,
        model="m",
        state=JobState.SUCCEEDED,
        started_at=job.started_at,
        text="answer",
        finish_reason="stop",
        output_tokens=3,
    )


@dataclass
class Outbox:
    """In the publisher's place: keeps the packs, and fails when told to."""

    is_down: bool = False
    sent: list[tuple[str, list[Hint]]] = field(default_factory=list)

    def publish(self, pool: str, packs: Sequence[Sequence[Hint]]) -> None:
        if self.is_down and packs:
            raise BrokerError("The broker does not answer.")
        self.sent += [(pool, list(pack)) for pack in packs]

    def take(self) -> list[Hint]:
        """All hints since the last look, in the order sent."""
        hints = [hint for _, pack in self.sent for hint in pack]
        self.sent.clear()
        return hints


class Broker:
    """A real broker on a Unix socket in a short folder."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.socket = folder / "r.sock"
        self.url = f"redis+socket://{self.socket}"
        self._command = server_command(kind, self.socket)
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self.answers, "the broker to answer")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        self.client.close()
        self.kill()

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def messages(self, pool: str = POOL) -> list[dict[str, Any]]:
        """All messages of a pool's queue, the oldest first."""
        raw = self.client.lrange(f"{KEY_PREFIX}{pool}", 0, -1)
        return [json.loads(message) for message in reversed(raw)]

    def packs(self, pool: str = POOL) -> list[tuple[Hint, ...]]:
        """What those messages carry."""
        bodies = [base64.b64decode(message["body"]) for message in self.messages(pool)]
        return [decode_pack(json.loads(body)[0][0]) for body in bodies]

    def take_all(self, pool: str = POOL) -> list[Hint]:
        """Take every message out of a pool's queue, as a worker would."""
        hints = [hint for pack in self.packs(pool) for hint in pack]
        self.client.delete(f"{KEY_PREFIX}{pool}")
        return hints

    def everything(self) -> bytes:
        """All that it holds, under whatever key."""
        return b"\n".join(self.client.dump(key) or b"" for key in self.client.keys("*"))
