"""A whole installation in one folder: servers, machines, our programs, and the harness's book."""

import contextlib
import json
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, create_engine, text

from tests.chaos.journal import Journal
from tests.chaos.machines import Machine, Program
from tests.chaos.servers import ModelServer, PostgresServer, RedisServer
from tests.waiting import eventually

#: The shortest that can be set.
LEASE_S = 5.0
#: What the double and a fake backend take for a row.
ROW_S = 0.2

#: The model that each pool has.
MODELS = {"fake": "fake", "openai": "double-1", "mlx": "demo"}

_UNFINISHED = "state IN ('pending', 'dispatched', 'running')"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What an installation consists of."""

    #: Whether there are two machines on a Postgres; else one with SQLite. Each has a dispatcher,
    #: of which one leads, and a worker.
    is_shared: bool = True
    #: Pools by the kind of their backend: `fake` is on every machine, the others on the last one.
    pools: tuple[str, ...] = ("fake",)


@dataclass
class World:
    """From `open` to `close`."""

    layout: Layout
    folder: Path
    journal: Journal
    redis: RedisServer
    postgres: PostgresServer | None
    model_server: ModelServer | None
    machines: list[Machine] = field(default_factory=list)
    dispatchers: list[Program] = field(default_factory=list)
    workers: list[Program] = field(default_factory=list)
    #: The command that cancels a batch, while it runs, and that batch.
    cancelling: tuple[str, "subprocess.Popen[bytes]"] | None = None
    _batches: int = 0
    _connections: Engine | None = None

    @classmethod
    def open(cls, layout: Layout) -> Self:
        """Start everything and wait until all of it takes part."""
        # Short: the path of a Unix socket has 100 bytes at most.
        folder = Path(tempfile.mkdtemp(prefix="nm-chaos-", dir="/tmp"))
        folder.chmod(0o755)
        world = cls(
            layout=layout,
            folder=folder,
            journal=Journal(folder / "journal.jsonl"),
            redis=RedisServer(folder),
            postgres=PostgresServer(folder) if layout.is_shared else None,
            model_server=ModelServer(folder, folder / "holdings", ROW_S)
            if "openai" in layout.pools
            else None,
        )
        world.holdings.mkdir()
        try:
            world._start()
        except BaseException as error:
            error.add_note(world.complaints())
            world.close()
            raise
        return world

    def close(self, *, keep: bool = False) -> None:
        """End everything; nothing is left, unless the folder is to be kept."""
        for program in self.programs:
            program.stop()
        for machine in self.machines:
            machine.close()
        self.redis.end()
        if self.model_server is not None:
            self.model_server.end()
        if self.postgres is not None:
            self.postgres.stop()
        self.journal.close()
        if self._connections is not None:
            self._connections.dispose()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def programs(self) -> list[Program]:
        return [*self.dispatchers, *self.workers]

    @property
    def holdings(self) -> Path:
        """Where engines write down what they hold."""
        return self.folder / "holdings"

    @property
    def head(self) -> Machine:
        """The machine on which people give their commands."""
        return self.machines[0]

    @property
    def store_url(self) -> str:
        """The store, past all proxies."""
        if self.postgres is not None:
            return self.postgres.url
        return f"sqlite:///{self._store_file}"

    def complaints(self) -> str:
        """The last that each program has complained of."""
        return "\n".join(f"{p.name} ({p.status()}): {p.complaints[-2000:]}" for p in self.programs)

    def ask(self, sql: str, **values: Any) -> list[Any]:
        """Read the store from outside; `:now` is the present time by the clock of this machine,
        on which the database runs too.
        """
        with self._engine().connect() as c:
            return list(c.execute(text(sql), {"now": time.time(), **values}))

    def count(self, what: str, **values: Any) -> int:
        """How many jobs are like that."""
        return int(self.ask(f"SELECT count(*) FROM jobs WHERE {what}", **values)[0][0])  # noqa: S608

    def until(self, condition: Callable[[], Any], what: str, within_s: float = 90) -> Any:
        """Wait for something while everything is kept running."""

        def look() -> Any:
            self.tend()
            return condition()

        return eventually(look, what, within_s)

    def hold(self, seconds: float) -> None:
        """Let an outage last."""
        ends_at = time.monotonic() + seconds
        while (left_s := ends_at - time.monotonic()) > 0:
            self.tend()
            threading.Event().wait(min(left_s, 0.1))

    def tend(self) -> None:
        """Start again what has ended, as a supervisor does."""
        for program in self.programs:
            status = program.status()
            if status is not None and not program.is_down:
                if status != -signal.SIGKILL:
                    self.journal.ended(program.name, status)
                program.start()

    def run(self, *args: str) -> "subprocess.CompletedProcess[bytes]":
        """Give a command and wait for its end, while everything is kept running."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.head.start(*args, out=out, err=err)
            self.until(lambda: process.poll() is not None, f"the end of `{args[0]}`", 180)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read())
        return subprocess.CompletedProcess(args, process.returncode, *said)

    def submit(self, rows: int, pool: str = "fake") -> str:
        """Hand in a batch of so many rows, until it is accepted; its id."""
        ids, path = self.input(rows)
        while True:
            done = self.run(*self.submitting(path, pool))
            if done.returncode == 0:
                return self.accept(done.stdout, ids)

    def input(self, rows: int) -> tuple[list[str], Path]:
        """A new file of rows, with their ids."""
        self._batches += 1
        ids = [f"b{self._batches}-{row}" for row in range(rows)]
        path = self.folder / f"b{self._batches}.jsonl"
        lines = (json.dumps({"custom_id": i, "prompt": prompt_of(i)}) for i in ids)
        path.write_text("".join(f"{line}\n" for line in lines))
        return ids, path

    def submitting(self, path: Path, pool: str = "fake") -> tuple[str, ...]:
        """The command that hands in a file."""
        options = ("--max-tokens", "8", "--max-failures", "1", "--json")
        return ("submit", str(path), "--model", MODELS[pool], *options)

    def accept(self, said: bytes, ids: list[str]) -> str:
        """Note what a `submit` that ended well has promised."""
        batch: str = json.loads(said)["id"]
        self.journal.accepted(batch, ids)
        return batch

    def begin_to_cancel(self, batch: str) -> None:
        """Start the command that cancels a batch."""
        null = subprocess.DEVNULL
        self.cancelling = batch, self.head.start("cancel", batch, "--json", out=null, err=null)

    def end_cancelling(self) -> None:
        """Wait until the batch is cancelled; who is told that it failed tries again."""
        if self.cancelling is None:
            return
        batch, process = self.cancelling
        self.until(lambda: process.poll() is not None, "the end of `cancel`", 90)
        if process.returncode == 0:
            self.cancelling = None
            self.journal.cancelled(batch)
        else:
            self.begin_to_cancel(batch)
            self.end_cancelling()

    def workers_of(self, pool: str) -> list[Program]:
        """The workers of a pool."""
        return [worker for worker in self.workers if pool in worker.name]

    def victim(self, rng: random.Random) -> Program:
        """A worker that holds jobs, where there is one."""
        workers = self.workers_of("fake")
        held = [worker for worker in workers if self.held_by(worker)]
        return rng.choice(held or workers)

    def held_by(self, worker: Program) -> int:
        """How many jobs run in a worker's session."""
        return self.count("state = 'running' AND session = :session", session=worker.session)

    def leader(self) -> Program:
        """The dispatcher that hands out work: one that does no longer says so a little later."""

        def newest() -> Program | None:
            leader = max(self.dispatchers, key=Program.leads_since)
            return leader if leader.leads_since() else None

        leader: Program = self.until(newest, "a leader")
        return leader

    def kill(self, worker: Program) -> None:
        """`kill -9` of a worker, noted."""
        session = worker.session
        held = worker.kill()
        if session is not None:
            self.journal.died(session, held=list(map(custom_id_of, held)))

    @contextlib.contextmanager
    def frozen(self, *programs: Program) -> Iterator[None]:
        """Programs stand still in the block."""
        for program in programs:
            program.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for program in programs:
                program.signal(signal.SIGCONT)

    def be_quiet(self, within_s: float = 120) -> None:
        """Wait until nothing is left to do and everything is there again."""
        self.end_cancelling()
        self.until(lambda: self.count(_UNFINISHED) == 0, "the end of all jobs", within_s)
        over = "SELECT count(*) FROM batches WHERE state IN ('ingesting', 'open', 'finalizing')"
        self.until(lambda: self.ask(over)[0][0] == 0, "the end of all batches", within_s)
        self.until(lambda: self.spooled() == [], "the end of what is spooled", within_s)
        self.until(self._is_complete, "all programs")

    def waiting(self) -> int:
        """How many jobs wait to be claimed."""
        return self.count("state IN ('pending', 'dispatched')")

    def spooled(self) -> list[Path]:
        """What waits on a disk for the store."""
        spools = (machine.data_dir / "spool" for machine in self.machines)
        return [path for spool in spools for path in spool.glob("*")]

    def results_of(self, batch: str) -> list[dict[str, Any]]:
        """The results of a batch as its owner gets them."""
        path = self.folder / f"{batch}.out.jsonl"
        done = self.run("results", batch, "-o", str(path))
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in path.read_text().splitlines()]

    def _engine(self) -> Engine:
        if self._connections is None:
            # Nothing that we have read may keep a lock, and what a restart broke is replaced.
            self._connections = create_engine(
                self.store_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True
            )
        return self._connections

    @property
    def _store_file(self) -> Path:
        return self.folder / "store" / "nightmill.db"

    def _start(self) -> None:
        self.redis.start()
        if self.postgres is not None:
            self.postgres.start()
        if self.model_server is not None:
            self.model_server.start()
        self._store_file.parent.mkdir()
        for name in ["one", "two"] if self.layout.is_shared else ["one"]:
            self.machines.append(self._machine(name))
        self.dispatchers = [Program(machine, "dispatch") for machine in self.machines]
        self.dispatchers[0].start()
        self.until(self.dispatchers[0].leads_since, "the first dispatcher")
        self.workers = [
            Program(machine, "worker", pool)
            for pool in self.layout.pools
            for machine in (self.machines if pool == "fake" else self.machines[-1:])
        ]
        for program in [*self.dispatchers[1:], *self.workers]:
            program.start()
        self.until(self._is_complete, "the workers")

    def _is_complete(self) -> bool:
        leads = any(dispatcher.leads_since() for dispatcher in self.dispatchers)
        runs = all(program.status() is None for program in self.programs)
        return leads and runs and all(worker.session for worker in self.workers)

    def _machine(self, name: str) -> Machine:
        machine = Machine(
            name,
            self.folder,
            row_s=ROW_S,
            holdings=self.holdings,
            redis=self.redis.socket,
            postgres=None if self.postgres is None else self.postgres.socket,
        )
        urls = {"openai": f'url = "{self.model_server.url}"\n'} if self.model_server else {}
        machine.configure(
            self._store_file,
            "".join(
                f"[pools.{pool}]\nslots = 2\n{urls.get(pool, '')}" for pool in self.layout.pools
            )
            + f'[worker]\nname = "{name}"\n'
            + f"lease_s = {LEASE_S}\ngrace_s = 2\nallow_sleep = true\n",
        )
        return machine


def prompt_of(custom_id: str) -> str:
    """What a row asks for; a good backend gives it back."""
    return f"row {custom_id}"


def custom_id_of(prompt: str) -> str:
    """The row that asks for it."""
    return prompt.removeprefix("row ")
