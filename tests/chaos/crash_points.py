"""The points at which a process may die, each with the scene that passes it.

That the list is whole is not left to whoever writes it: `test_crash_points.py` compares it.
"""

from collections.abc import Callable
from typing import NamedTuple

from tests.chaos import crash_keeping as keeping
from tests.chaos import crash_scenes as scenes
from tests.chaos.crash_mill import Home
from tests.chaos.crash_scenes import Crash

ACKNOWLEDGING = "worker.consumer.Consumer.call_soon_ack.<locals>.acknowledge_if_connected"

Scene = Callable[[Home, Crash], None]


def in_celery(*calls: str) -> tuple[str, ...]:
    """What Celery asks of the broker by itself."""
    return tuple(f"worker.program.Program.run:{call}" for call in calls)


#: What is passed in each scene, each a point before and one after.
PASSED: dict[Scene, tuple[str, ...]] = {
    scenes.making_a_store: (
        "jobs.store.migrate.upgrade_file:commit",
        "jobs.store.migrate._create_sqlite:commit",
    ),
    scenes.making_a_postgres_store: ("jobs.store.migrate._prepare_postgres:commit",),
    scenes.submitting: (
        "producer.submit._begin:commit",
        "producer.submit._read_in:commit",
        "producer.submit._read_in#2:commit",
        "nightmill.intake.take_in:commit",
    ),
    scenes.upgrading: ("jobs.store.migrate._upgrade_sqlite:commit",),
    scenes.submitting_again: ("producer.reopening.resume:commit",),
    scenes.submitting_what_was_cancelled: (
        "producer.reopening.resume:commit",
        "producer.reopening.resume#2:commit",
    ),
    scenes.submitting_less: (
        "producer.reopening.end_reading:commit",
        "producer.reopening.end_reading#2:commit",
    ),
    scenes.dispatching: (
        "nightmill.embedded.broker.answers:PING",
        "producer.dispatcher.Dispatcher._keep_up:commit",
        "producer.dispatcher.Dispatcher._put_back:commit",
        "producer.dispatcher.Dispatcher._keep_rates:commit",
        "producer.dispatcher.Dispatcher._hand_out:commit",
        "producer.sampling.Sampler.look:commit",
        "producer.publisher.Publisher._connect:PING",
        "producer.publisher.Publisher._send:LPUSH",
    ),
    scenes.ending_a_dispatcher: ("producer.sampling.Sampler.sample:commit",),
    scenes.taking_back_from_the_dead: ("worker.presence.take_back_from_the_dead:commit",),
    scenes.pausing: ("producer.brake.Brake.check:commit",),
    scenes.connecting_a_worker: (
        "worker.app._check_broker:PING",
        "jobs.broker.waiting_messages:PING",
        "jobs.broker.waiting_messages:LLEN",
        "worker.presence.take_back_jobs:commit",
        "worker.presence.announce:commit",
        # That it is there, and that it looks for what nobody has acknowledged.
        *in_celery("PING", "SADD", "LLEN", "PUBLISH"),
        *in_celery("SET", "ZRANGE", "EVALSHA", "SCRIPT-LOAD"),
    ),
    scenes.working: (
        "worker.commit.Commits.commit:beat",
        "worker.commit.Commits.commit:claim",
        "worker.commit.Commits.commit:record",
        # Between the two a message is nowhere but in the worker.
        *in_celery("BRPOP", "ZADD+HSET"),
        f"{ACKNOWLEDGING}:ZREM+HDEL",
    ),
    scenes.recording_what_was_kept: ("worker.spool._record.<locals>.write:record",),
    scenes.ending_a_worker: (
        # Celery puts back what it has not begun, and we what we have not.
        *in_celery("ZREM+HDEL+LPUSH"),
        "worker.task._send_back:LPUSH",
        "worker.presence.leave:commit",
    ),
    scenes.disconnecting_a_worker: (
        *(f"worker.task._send_back:{call}" for call in ("PING", "SADD", "LLEN")),
        *in_celery("SREM", "DEL"),
    ),
    scenes.running: ("nightmill.embedded.services.Services._release_the_dead:commit",),
    scenes.delivering: ("nightmill.delivery.deliver_once:commit",),
    scenes.cancelling: ("jobs.store.paging.in_pages:commit",),
    scenes.cancelling_a_row: ("nightmill.cancelling.cancel_job:commit",),
    scenes.ending_the_rest: ("producer.expiry.Expiry._end_page:commit",),
    scenes.expiring: ("producer.expiry.Expiry._expire:commit",),
    scenes.editing: ("nightmill.editing.edit_batch:commit", "jobs.store.paging.in_pages:commit"),
    scenes.pausing_by_hand: ("nightmill.pausing.pause:commit",),
    scenes.forgetting_a_tunnel: ("nightmill.forgetting.forget_tunnel:commit",),
    scenes.ending_a_pause: ("producer.resting.keep_rests:commit",),
    scenes.resuming: ("nightmill.pausing.resume:commit",),
    scenes.retrying: ("jobs.store.paging.in_pages:commit",),
    keeping.deleting: (
        "nightmill.deletion.delete_batch:commit",
        "jobs.store.paging.in_pages:commit",
        "nightmill.deletion.delete_hidden:commit",
        "nightmill.deletion.delete_hidden#2:commit",
    ),
    keeping.pruning: (
        "nightmill.pruning.prune:commit",
        "jobs.store.paging.in_pages:commit",
        "nightmill.deletion.delete_hidden:commit",
        "nightmill.deletion.delete_hidden#2:commit",
    ),
    keeping.keeping_no_longer: (
        "producer.retention.Retention._find:commit",
        "producer.retention.Retention._delete_page:commit",
        "producer.retention.Retention._compact:commit",
    ),
    keeping.telling: (
        "nightmill.notifying.herald.Herald._give_channels:commit",
        "nightmill.notifying.herald.Herald._tell:commit",
    ),
    keeping.backing_up: ("jobs.store.backing_up.back_up:commit",),
    keeping.restoring: (
        "jobs.store.restoring._make:commit",
        "jobs.store.restoring._into_file:commit",
    ),
    keeping.copying_to_a_file: (
        "jobs.store.copying._into_file:commit",
        "jobs.store.copying._into_file#2:commit",
    ),
    keeping.copying_to_a_database: ("jobs.store.copying._into_database:commit",),
}

#: Where a store is yet to be made, or to be made anew.
ON_NEW_SQLITE = (scenes.making_a_store, scenes.upgrading, keeping.copying_to_a_file)
ON_POSTGRES = (scenes.making_a_postgres_store, keeping.copying_to_a_database)
#: Where another database makes the difference.
ON_BOTH = (
    scenes.submitting,
    scenes.dispatching,
    scenes.connecting_a_worker,
    scenes.working,
    scenes.ending_a_worker,
    scenes.ending_a_dispatcher,
    keeping.deleting,
    scenes.cancelling,
    scenes.expiring,
    scenes.editing,
)
#: Passed again and again; the second time is another moment than the first.
PASSED_TWICE = (
    "jobs.store.paging.in_pages:commit",
    "producer.reopening.end_reading:commit",
    "producer.dispatcher.Dispatcher._hand_out:commit",
    "producer.publisher.Publisher._send:LPUSH",
    "worker.commit.Commits.commit:beat",
    "worker.commit.Commits.commit:claim",
    "worker.commit.Commits.commit:record",
    "worker.program.Program.run:BRPOP",
    "worker.program.Program.run:ZADD+HSET",
    f"{ACKNOWLEDGING}:ZREM+HDEL",
)


class Case(NamedTuple):
    """One death: in which scene, where, and on which database."""

    scene: Scene
    crash: Crash
    database: str

    def __str__(self) -> str:
        times = "" if self.crash.nth == 1 else f"-{self.crash.nth}nd"
        return f"{self.scene.__name__}-{self.crash.point}{times}-{self.database}"


def all_cases() -> list[Case]:
    """Every point on every database that may make a difference, the first and the second time."""
    return [
        Case(scene, Crash(f"{name}:{side}", nth), database)
        for scene, names in PASSED.items()
        for name in names
        for side in ("before", "after")
        for nth in ((1, 2) if name in PASSED_TWICE else (1,))
        for database in _databases(scene)
    ]


def _databases(scene: Scene) -> tuple[str, ...]:
    if scene in ON_BOTH:
        return ("sqlite", "postgres")
    if scene in ON_NEW_SQLITE:
        return ("new-sqlite",)
    return ("postgres",) if scene in ON_POSTGRES else ("sqlite",)
