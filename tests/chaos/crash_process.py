"""A process that has imported all of Nightmill, and forks: each child is one `nightmill`.

`python -m tests.chaos.crash_process` reads lines: a plan starts a process and is answered with its
id, an id is answered with how that process ended. To import it all takes longer than a child lives.
"""

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from backends.base import Backend, OnProgress
from backends.errors import RefusedError
from backends.fake import FakeBackend, Script
from jobs.errors import StoreError
from jobs.model import GenerationRequest, GenerationResult
from nightmill import cli, pool_process
from tests.chaos import crash_hooks
from worker.commit import Commits
from worker.work import Work, Written

#: What commands import when they run.
HEAVY = (
    "alembic.command",
    "celery.concurrency.thread",
    "celery.events",
    "celery.worker.strategy",
    "nightmill.cli.running",
    "nightmill.cli.submitting",
    "nightmill.leading",
    "nightmill.rehearsing",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
)

Commit = Callable[[Commits, Work], Written]

#: Seconds that a process may live: what hangs is ended, and the test says so.
LONGEST_LIFE_S = 180


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One process: what it does, where, and at which point it dies."""

    #: `nightmill WORDS`.
    words: tuple[str, ...]
    home: str
    env: dict[str, str] = {}
    log: str
    #: The point at which it dies, and at which passing of that; empty for none.
    point: str = ""
    nth: int = 1
    #: Where it leaves word that it did.
    note: str
    #: Where it writes all that it passes; nowhere without.
    passed: str = ""
    #: What its backend does.
    delays: dict[str, float] = {}
    refuses_all: bool = False
    #: Whether its store is away whenever it has something to record.
    store_takes_no_records: bool = False


def main() -> None:
    for module in HEAVY:
        importlib.import_module(module)
    for line in sys.stdin:
        word = msgspec.json.decode(line, type=Plan | int)
        answer = _wait(word) if isinstance(word, int) else _start(word)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _start(plan: Plan) -> int:
    return os.fork() or _be(plan)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _be(plan: Plan) -> int:
    """Live as the child; never returns."""
    status = 99
    try:
        _settle(plan)
        sys.argv = ["nightmill", *plan.words]
        cli.main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001  (the frames above are the parent's)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _settle(plan: Plan) -> None:
    signal.alarm(LONGEST_LIFE_S)
    os.chdir(plan.home)
    os.environ |= plan.env
    for fd, path in ((0, os.devnull), (1, plan.log), (2, plan.log)):
        os.dup2(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), fd)
    if plan.point:
        crash_hooks.die_at(plan.point, plan.nth, Path(plan.note))
    elif plan.passed:
        crash_hooks.write_down(Path(plan.passed))
    if plan.store_takes_no_records:
        Commits.commit = _take_no_records(Commits.commit)
    pool_process.backend_of = lambda pool, _log: _backend(plan, pool.slots_or_default)


def _take_no_records(commit: Commit) -> Commit:
    def commit_the_rest(self: Commits, work: Work) -> Written:
        if work.outcomes:
            raise StoreError("The store is away.")
        return commit(self, work)

    return commit_the_rest


def _backend(plan: Plan, slots: int) -> Backend:
    return (_Refusing if plan.refuses_all else FakeBackend)(Script(delays=plan.delays), slots)


class _Refusing(FakeBackend):
    """Refuses what its script does not delay."""

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        result = await super().generate(request, on_progress)
        raise RefusedError(f"Nothing is wrong with {len(result.text)} letters.")


if __name__ == "__main__":
    main()
