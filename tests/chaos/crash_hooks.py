"""Hooks before and after each commit and each call to the broker, put in from outside.

A *passing* is named `MODULE.FUNCTION:WHAT:SIDE`: who asked for it, what it is (`commit`, or the
commands that the broker gets) and whether it is about to happen or has just happened. A commit
that carries claims, records or heartbeats of a worker is passed under each of these names.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import redis
from kombu.transport.redis import Channel
from sqlalchemy import Connection

from jobs.store import backing_up, copying, migrate, restoring
from jobs.store.engines import Kind
from jobs.store.store import Store
from tests.chaos.crash_sites import BENCHES, PACKAGES, sites_of
from worker.work import Work

PassBy = Callable[[str], None]

#: What a process started by the one under test is told to die at: `POINT NTH NOTE`.
ENV = "CRASH_AT"


def die_at(point: str, nth: int, note: Path) -> None:
    """Let this process kill itself at its `nth` passing of a point, leaving a note that it did."""
    passed: Counter[str] = Counter()

    def pass_by(name: str) -> None:
        passed[name] += 1
        if name == point and passed[name] == nth:
            note.write_text(point)
            os.kill(os.getpid(), signal.SIGKILL)

    install(pass_by)


def die_once_as_told_by_the_environment() -> None:
    """For processes that are started by others: only the first of them dies."""
    point, nth, note = os.environ[ENV].split()
    if not Path(note).exists():
        die_at(point, int(nth), Path(note))


def write_down(path: Path) -> None:
    """Let this process note all that it passes."""
    file = path.open("a", buffering=1)
    install(lambda name: print(name, file=file))


def install(pass_by: PassBy) -> None:
    """Call `pass_by` with the name of whatever this process passes from now on."""
    _watch_commits(pass_by)
    _watch_calls(pass_by)


def _watch_commits(pass_by: PassBy) -> None:
    write, compact = Store.write, Store.compact

    def watched_write(self: Store, *, durable: bool = False) -> Any:
        names = _commit_names(sys._getframe(1))
        return _around_commit(write(self, durable=durable), names, pass_by)

    def watched_compact(self: Store) -> bool:
        (name,) = _commit_names(sys._getframe(1))
        with _around(name, pass_by):
            return compact(self)

    Store.write, Store.compact = watched_write, watched_compact
    _watch_blocks(pass_by, "_transaction", [migrate])
    _watch_blocks(pass_by, "opened", [copying, restoring])
    _watch_blocks(pass_by, "held_database", [copying])
    _watch_places(pass_by, [copying, migrate, backing_up, restoring])


def _watch_blocks(pass_by: PassBy, name: str, users: Sequence[ModuleType]) -> None:
    """A function whose block is a transaction."""
    transaction = getattr(users[0], name)

    def watched(*given: Any) -> Any:
        if Kind.READ in given:
            return transaction(*given)
        names = _commit_names(sys._getframe(1))
        return _around_commit(transaction(*given), names, pass_by)

    for module in users:
        setattr(module, name, watched)


def _watch_places(pass_by: PassBy, users: Sequence[ModuleType]) -> None:
    """The renaming of a file that was made beside its place."""
    put_in_place = copying.put_in_place

    def watched(new: Path, path: Path) -> None:
        (name,) = _commit_names(sys._getframe(1))
        with _around(name, pass_by):
            put_in_place(new, path)

    for module in users:
        module.put_in_place = watched


@contextmanager
def _around_commit(transaction: Any, names: list[str], pass_by: PassBy) -> Iterator[Connection]:
    with transaction as c:
        yield c
        for name in names:
            pass_by(f"{name}:before")
    for name in names:
        pass_by(f"{name}:after")


@contextmanager
def _around(name: str, pass_by: PassBy) -> Iterator[None]:
    pass_by(f"{name}:before")
    yield
    pass_by(f"{name}:after")


def _watch_calls(pass_by: PassBy) -> None:
    """All that redis-py sends: single commands, pipelines, and the two halves of a BRPOP."""
    single, pipeline = redis.Redis.execute_command, redis.client.Pipeline.execute
    ask, answer = Channel._brpop_start, redis.Redis.parse_response

    def watched_single(self: redis.Redis, *args: Any, **options: Any) -> Any:
        with _around(_call_name(str(args[0]).replace(" ", "-")), pass_by):
            return single(self, *args, **options)

    def watched_pipeline(self: redis.client.Pipeline, *args: Any, **options: Any) -> Any:
        commands = dict.fromkeys(str(command[0][0]) for command in self.command_stack)
        with _around(_call_name("+".join(commands)), pass_by):
            return pipeline(self, *args, **options)

    def watched_ask(self: Channel, *args: Any) -> None:
        pass_by(f"{_call_name('BRPOP')}:before")
        ask(self, *args)

    def watched_answer(self: redis.Redis, connection: Any, command: str, **options: Any) -> Any:
        answered = answer(self, connection, command, **options)
        if command == "BRPOP" and answered:
            # The message is nowhere but here.
            pass_by(f"{_call_name('BRPOP')}:after")
        return answered

    redis.Redis.execute_command, redis.client.Pipeline.execute = watched_single, watched_pipeline
    Channel._brpop_start, redis.Redis.parse_response = watched_ask, watched_answer


def _commit_names(frame: FrameType) -> list[str]:
    caller = _ours(frame)
    module, line = caller.f_globals["__name__"], caller.f_lineno
    (site,) = (s.name for s in sites_of(module) if s.first_line <= line <= s.last_line)
    work = caller.f_locals.get("work")
    if not isinstance(work, Work):
        return [f"{site}:commit"]
    kinds = {"record": work.outcomes, "beat": work.is_beat, "claim": work.hints}
    return [f"{site}:{kind}" for kind, is_in in kinds.items() if is_in]


def _call_name(commands: str) -> str:
    caller = _ours(sys._getframe(1))
    return f"{caller.f_globals['__name__']}.{caller.f_code.co_qualname}:{commands}"


def _ours(frame: FrameType | None) -> FrameType:
    """The innermost frame that is the product's."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in PACKAGES and not module.startswith(BENCHES):
            return frame
        frame = frame.f_back
    raise RuntimeError("expected a commit or a call to the broker to be the product's")
