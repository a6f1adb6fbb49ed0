"""What is done to the system: each fault is a function that does it and makes it good again."""

import random
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from tests.chaos.holdings import held_by
from tests.chaos.machines import Machine, Program
from tests.chaos.moments import Moment
from tests.chaos.proxy import Proxy
from tests.chaos.world import Layout, World, custom_id_of

#: What it does; the world is whole again when it returns, or becomes so by itself.
Inject = Callable[[World, random.Random, Moment], None]

SHARED = Layout()
ALONE = Layout(is_shared=False)
WITH_ENGINE = Layout(is_shared=False, pools=("mlx",))
WITH_SERVER = Layout(is_shared=False, pools=("openai",))
#: Where any fault may come.
EVERYTHING = Layout(pools=("fake", "openai", "mlx"))

_ALL = tuple(Moment)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault, and where and when it makes sense."""

    name: str
    inject: Inject
    #: The pool whose jobs it meets.
    pool: str = "fake"
    layouts: tuple[Layout, ...] = (SHARED,)
    moments: tuple[Moment, ...] = _ALL
    #: Why it does not come at the other moments.
    reason: str = field(default="")


def kill_submit(world: World, rng: random.Random, moment: Moment) -> None:
    """`submit` is killed on its way; the same command again brings every row in once."""
    ids, path = world.input(rng.randrange(20, 200))
    first = world.head.start(*world.submitting(path), out=subprocess.DEVNULL, err=None)
    source = "SELECT count(*) FROM batches WHERE source LIKE :source"
    if rng.random() < 0.7:
        # In the middle of it: the batch is there, and not all of its rows.
        world.until(
            lambda: first.poll() is not None or world.ask(source, source=f"%{path.name}%")[0][0],
            "the batch",
        )
    first.kill()
    first.wait()
    done = world.run(*world.submitting(path))
    assert done.returncode == 0, done.stderr.decode()
    world.accept(done.stdout, ids)


def kill_leader(world: World, rng: random.Random, moment: Moment) -> None:
    world.leader().kill()


def freeze_leader(world: World, rng: random.Random, moment: Moment) -> None:
    with world.frozen(world.leader()):
        world.hold(rng.uniform(1, 4))


def kill_standby(world: World, rng: random.Random, moment: Moment) -> None:
    leader = world.leader()
    next(each for each in world.dispatchers if each is not leader).kill()


def kill_worker(world: World, rng: random.Random, moment: Moment) -> None:
    """It is started again at once, and finds its name free."""
    world.kill(world.victim(rng))


def end_worker(world: World, rng: random.Random, moment: Moment) -> None:
    """It stays away. The leader of its own machine can see that its lock is free."""
    home = world.leader().machine
    _take_away(world, next(w for w in world.workers_of("fake") if w.machine is home))


def lose_worker(world: World, rng: random.Random, moment: Moment) -> None:
    """It stays away, and so does its machine for all that the leader can see."""
    home = world.leader().machine
    _take_away(world, next(w for w in world.workers_of("fake") if w.machine is not home))


def _take_away(world: World, worker: Program) -> None:
    session = worker.session
    worker.is_down = True
    world.kill(worker)
    held = "state = 'running' AND session = :session"
    world.until(lambda: world.count(held, session=session) == 0, "its jobs to come back")
    worker.is_down = False


def stop_worker(world: World, rng: random.Random, moment: Moment) -> None:
    """It drains, as for an upgrade."""
    world.victim(rng).signal(signal.SIGTERM)


def freeze_worker(world: World, rng: random.Random, moment: Moment) -> None:
    """It stands still until its leases are over and its jobs are elsewhere, then goes on."""
    worker = world.victim(rng)
    with world.frozen(worker):
        _wait_past_lease(world, [worker.session])
        # Unless it stands in the middle of a commit: then whoever wants its rows has to wait.
        world.hold(rng.uniform(0, 2))


def sleep(world: World, rng: random.Random, moment: Moment) -> None:
    """All our programs stand still past every lease, as when a lid is closed."""
    with world.frozen(*world.programs):
        _wait_past_lease(world, [worker.session for worker in world.workers])


def kill_everything(world: World, rng: random.Random, moment: Moment) -> None:
    """The power fails: programs, Redis and Postgres end at once."""
    for worker in world.workers:
        world.kill(worker)
    for dispatcher in world.dispatchers:
        dispatcher.kill()
    world.redis.end()
    if world.postgres is not None:
        world.postgres.restart("immediate")
    world.redis.start()


def kill_engine(world: World, rng: random.Random, moment: Moment) -> None:
    (worker,) = world.workers_of("mlx")
    session, engines = str(worker.session), worker.engines()
    for engine in engines:
        engine.kill()
    psutil.wait_procs(engines)
    for engine in engines:
        _engine_died(world, session, held_by(world.holdings, engine.pid))


def kill_server(world: World, rng: random.Random, moment: Moment) -> None:
    assert world.model_server is not None
    (worker,) = world.workers_of("openai")
    session = str(worker.session)
    _engine_died(world, session, world.model_server.end())
    world.hold(rng.choice([0, rng.uniform(0, 3)]))
    world.model_server.start()


def _engine_died(world: World, session: str, prompts: Sequence[str]) -> None:
    world.journal.died(session, held=list(map(custom_id_of, prompts)), engine=True)


def kill_redis(world: World, rng: random.Random, moment: Moment) -> None:
    world.redis.end()
    world.redis.start()


def restart_redis(world: World, rng: random.Random, moment: Moment) -> None:
    world.redis.end(signal.SIGTERM)
    world.hold(rng.uniform(0, 4))
    world.redis.start()


def flush_redis(world: World, rng: random.Random, moment: Moment) -> None:
    world.redis.flush()


def freeze_redis(world: World, rng: random.Random, moment: Moment) -> None:
    world.redis.freeze()
    world.hold(rng.uniform(1, 6))
    world.redis.thaw()


def restart_postgres(world: World, rng: random.Random, moment: Moment) -> None:
    assert world.postgres is not None
    world.postgres.restart("fast")


def crash_postgres(world: World, rng: random.Random, moment: Moment) -> None:
    assert world.postgres is not None
    world.postgres.restart("immediate")


def terminate_backends(world: World, rng: random.Random, moment: Moment) -> None:
    world.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'nightmill'"
    )


def cut_store(world: World, rng: random.Random, moment: Moment) -> None:
    _cut(world, rng, [_store(machine) for machine in _some(world, rng)])


def cut_broker(world: World, rng: random.Random, moment: Moment) -> None:
    _cut(world, rng, [machine.broker for machine in _some(world, rng)])


def swallow_store(world: World, rng: random.Random, moment: Moment) -> None:
    """One worker's line goes half-open, until its leases are over; or the leader's."""
    if rng.random() < 0.3:
        _swallow(world, rng, [_store(world.leader().machine)])
        return
    worker = world.victim(rng)
    line = _store(worker.machine)
    line.swallow()
    _wait_past_lease(world, [worker.session])
    line.heal()


def swallow_broker(world: World, rng: random.Random, moment: Moment) -> None:
    _swallow(world, rng, [machine.broker for machine in _some(world, rng)])


#: Words of the transaction that makes a moment what it is.
_COMMITS = {
    Moment.QUEUED: b"SET state = 'dispatched'",
    Moment.CLAIMED: b"SET state = 'running'",
    Moment.GENERATING: b"UPDATE jobs SET lease_until",
    Moment.RECORDING: b"INSERT INTO results",
    Moment.CANCELLING: b"",
}


def lose_commit_reply(world: World, rng: random.Random, moment: Moment) -> None:
    """A COMMIT arrives and is done, and its reply is lost with the connection."""
    _drop_reply(world, [_store(machine) for machine in world.machines], _COMMITS[moment])


def lose_broker_reply(world: World, rng: random.Random, moment: Moment) -> None:
    """What was published is lost sight of, or what was taken from the queue."""
    words = rng.choice([b"LPUSH", b"BRPOP"])
    _drop_reply(world, [machine.broker for machine in world.machines], words)


def _wait_past_lease(world: World, sessions: Sequence[str | None]) -> None:
    held = "state = 'running' AND session = :session AND lease_until > :now"
    world.until(
        lambda: not any(world.count(held, session=session) for session in sessions),
        "the end of its leases",
    )


def _some(world: World, rng: random.Random) -> list[Machine]:
    """All machines, or one of them."""
    return rng.choice([world.machines, [rng.choice(world.machines)]])


def _store(machine: Machine) -> Proxy:
    assert machine.store is not None
    return machine.store


def _cut(world: World, rng: random.Random, lines: Sequence[Proxy]) -> None:
    for line in lines:
        line.cut()
    world.hold(rng.choice([0, rng.uniform(0, 4)]))
    for line in lines:
        line.heal()


def _swallow(world: World, rng: random.Random, lines: Sequence[Proxy]) -> None:
    for line in lines:
        line.swallow()
    world.hold(rng.uniform(1, 6))
    for line in lines:
        line.heal()


def _drop_reply(world: World, lines: Sequence[Proxy], words: bytes) -> None:
    before = sum(line.dropped for line in lines)
    for line in lines:
        line.drop_reply_about(words)
    world.until(
        lambda: sum(line.dropped for line in lines) > before or world.waiting() == 0,
        "a reply to drop",
    )
    for line in lines:
        line.heal()


_HANDED_OUT = tuple(moment for moment in _ALL if moment is not Moment.QUEUED)
_NO_ENGINE_YET = "a job that is queued has not met the engine yet"

FAULTS = (
    Fault(
        name="submit-kill",
        inject=kill_submit,
        layouts=(SHARED, ALONE),
        moments=(Moment.QUEUED,),
        reason="once its rows are accepted, `submit` has no part in what happens to them",
    ),
    Fault(name="leader-kill", inject=kill_leader, layouts=(SHARED, ALONE)),
    Fault(name="leader-freeze", inject=freeze_leader),
    Fault(
        name="standby-kill",
        inject=kill_standby,
        moments=(Moment.QUEUED,),
        reason="a dispatcher that stands by has no part in what happens to jobs",
    ),
    Fault(name="worker-kill", inject=kill_worker, layouts=(SHARED, ALONE)),
    Fault(name="worker-end", inject=end_worker, layouts=(SHARED, ALONE)),
    Fault(name="worker-lost", inject=lose_worker),
    Fault(name="worker-stop", inject=stop_worker),
    Fault(name="worker-freeze", inject=freeze_worker, layouts=(SHARED, ALONE)),
    Fault(name="sleep", inject=sleep),
    Fault(name="power-cut", inject=kill_everything, layouts=(SHARED, ALONE)),
    Fault(
        name="engine-kill",
        inject=kill_engine,
        pool="mlx",
        layouts=(WITH_ENGINE,),
        moments=_HANDED_OUT,
        reason=_NO_ENGINE_YET,
    ),
    Fault(
        name="server-kill",
        inject=kill_server,
        pool="openai",
        layouts=(WITH_SERVER,),
        moments=_HANDED_OUT,
        reason=_NO_ENGINE_YET,
    ),
    Fault(name="redis-kill", inject=kill_redis, layouts=(SHARED, ALONE)),
    Fault(name="redis-restart", inject=restart_redis),
    Fault(name="redis-flush", inject=flush_redis),
    Fault(name="redis-freeze", inject=freeze_redis),
    Fault(name="postgres-restart", inject=restart_postgres),
    Fault(name="postgres-crash", inject=crash_postgres),
    Fault(name="postgres-terminate", inject=terminate_backends),
    Fault(name="store-cut", inject=cut_store),
    Fault(name="store-half-open", inject=swallow_store),
    Fault(name="store-lost-commit", inject=lose_commit_reply),
    Fault(name="broker-cut", inject=cut_broker),
    Fault(name="broker-half-open", inject=swallow_broker),
    Fault(name="broker-lost-reply", inject=lose_broker_reply),
)
