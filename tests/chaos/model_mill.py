"""Users, dispatcher, broker, sessions and misfortune around one store, as rules of a game."""

import sys
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
)

from jobs.store import counters, deadlines, dispatch, editing, ending, pauses
from jobs.store.editing import Changes
from tests.chaos.model import (
    Beating,
    Claiming,
    Recording,
    Session,
)
from tests.chaos.model_floor import Floor
from tests.jobs.store.desk import LEASE_S, bad_line, line

MOST_BATCHES = 3
#: Messages that are on their way at once.
MANY = 4

PICK = st.integers(0, 11)
SELDOM = st.sampled_from([False] * 5 + [True])
MOSTLY = st.sampled_from([True] * 5 + [False])
#: Shorter and longer than it is waited before another try.
PAUSES = st.sampled_from([0.3, 2.1])
#: A moment, longer than a claim may be missing in a session's books, most of a lease and more.
NAPS = st.sampled_from([0.7, 6.1, 57.2, 61.3])
ENDINGS = st.sampled_from(["succeed", "cut", "fail", "error", "hand back"])


class Mill(Floor):
    """What may happen."""

    # Users

    @initialize(rows=st.integers(3, 6), claimed=st.integers(0, 4), max_crashes=st.integers(1, 2))
    def begin(self, rows: int, claimed: int, max_crashes: int) -> None:
        self.max_crashes = max_crashes
        self.submit(rows, is_repeated=False)
        self.books_are_kept()
        self.dispatch(slept_s=0.0, limit=rows, pack=1, is_published=True)
        self.books_are_kept()
        self.deliver(number=claimed, who=0, is_doubled=False, is_reply_lost=False)

    @precondition(lambda self: len(self.inputs) < MOST_BATCHES and not self.books.having("pending"))
    @rule(rows=st.integers(1, 4), is_repeated=SELDOM)
    def submit(self, rows: int, is_repeated: bool) -> None:
        """The reply may be lost: then the same command is given again."""
        batch_id = f"b-{len(self.inputs) + 1}"
        lines = [line(i) for i in range(1, rows + 1)]
        self.desk.batch(*lines, batch_id=batch_id)
        if is_repeated:
            self.desk.reread(*lines, batch_id=batch_id)
        self.was_read(batch_id, {f"row-{i}": "{}" for i in range(1, rows + 1)})

    @precondition(lambda self: self.in_flight() or not self.books.having("pending"))
    @rule(which=PICK, rows=st.integers(1, 5), body=st.sampled_from(["{}", "1", "2"]))
    def read_again(self, which: int, rows: int, body: str) -> None:
        """Rows leave and come back, and every other one may ask for something else."""
        batch_id = pick(list(self.inputs), which)
        read = {f"row-{i}": "{}" if i % 2 else body for i in range(1, rows + 1)}
        lines = [line(i, f"row-{i}", body=read[f"row-{i}"]) for i in range(1, rows + 1)]
        self.desk.reread(*lines, line(98, "row-1"), bad_line(99), batch_id=batch_id)
        self.was_read(batch_id, read)

    @precondition(lambda self: self.in_flight())
    @rule(which=PICK)
    def cancel(self, which: int) -> None:
        self.desk.cancel(pick(list(self.inputs), which))

    @precondition(lambda self: self.in_flight())
    @rule(which=PICK)
    def expire(self, which: int) -> None:
        batch_id = pick(list(self.inputs), which)
        with self.store.write() as c:
            editing.change(c, batch_id, Changes(deadline_in_s=-1))
            deadlines.expire(c, batch_id, MANY)
            ending.end_more(c, batch_id, ending.ALL)

    @precondition(lambda self: self.ended("cancelled") and not self.books.having("pending"))
    @rule(which=PICK)
    def resume(self, which: int) -> None:
        self.desk.resume(pick(self.ended("cancelled"), which))

    @precondition(lambda self: self.ended("failed") and not self.books.having("pending"))
    @rule(which=PICK)
    def retry(self, which: int) -> None:
        self.desk.retry(pick(self.ended("failed"), which))

    @precondition(lambda self: self.in_flight() and not self.paused)
    @rule(which=PICK)
    def pause(self, which: int) -> None:
        self.paused = [pick(list(self.inputs), which)]
        with self.store.write() as c:
            pauses.pause(c, self.paused[0], "Most of its last rows failed.")

    @precondition(lambda self: self.paused)
    @rule()
    def go_on(self) -> None:
        with self.store.write() as c:
            pauses.go_on(c, self.paused.pop())

    # The dispatcher and the broker

    @precondition(lambda self: self.books.having("pending") and len(self.messages) < MANY)
    @rule(slept_s=PAUSES, limit=st.integers(1, 6), pack=st.integers(1, 3), is_published=MOSTLY)
    def dispatch(self, slept_s: float, limit: int, pack: int, is_published: bool) -> None:
        """It may die before it publishes, or believe that its commit failed."""
        self.clock.sleep(slept_s)
        hints = self.hand_out(limit)
        if is_published:
            self.messages += [hints[i : i + pack] for i in range(0, len(hints), pack)]

    @precondition(lambda self: self.books.having("running"))
    @rule(is_late=st.booleans())
    def reap(self, is_late: bool) -> None:
        """With the rest of the upkeep."""
        if is_late:
            self.clock.sleep(LEASE_S + 1.3)
        self.reap_expired()
        self.desk.finalize()
        with self.store.write() as c:
            counters.fold(c)

    @precondition(lambda self: self.books.having("running") and self.free())
    @rule(who=PICK)
    def take_over(self, who: int) -> None:
        """All oversleep their leases, and the first to wake gets what it can."""
        self.reap(is_late=True)
        self.books_are_kept()
        self.dispatch(slept_s=2.1, limit=6, pack=1, is_published=True)
        self.books_are_kept()
        if self.messages:
            self.deliver(number=4, who=who, is_doubled=False, is_reply_lost=False)

    @precondition(lambda self: self.books.having("dispatched") and len(self.messages) < 2)
    @rule(is_late=MOSTLY)
    def put_back(self, is_late: bool) -> None:
        if is_late:
            self.clock.sleep(6.1)
        with self.store.write() as c:
            dispatch.put_back_unclaimed(c, "mlx", 5.0)

    @precondition(lambda self: self.books.having("dispatched") and not self.messages)
    @rule()
    def recall(self) -> None:
        with self.store.write() as c:
            dispatch.recall_dispatched(c, "mlx")

    @precondition(lambda self: len(self.messages) > 1)
    @rule(which=PICK)
    def lose(self, which: int) -> None:
        """A restart, FLUSHALL, or the gap in the transport."""
        self.messages.remove(pick(self.messages, which))

    @precondition(lambda self: self.messages and self.free())
    @rule(number=st.integers(1, 4), who=PICK, is_doubled=SELDOM, is_reply_lost=SELDOM)
    def deliver(self, number: int, who: int, is_doubled: bool, is_reply_lost: bool) -> None:
        """Several may come before a session's next commit; doubled, they come at any later time."""
        session = pick(self.free(), who)
        taken = self.messages[: session.can_take(self.messages[:number])]
        if not taken:
            return
        if not is_doubled:
            del self.messages[: len(taken)]
        pack = [hint for message in taken for hint in message]
        self.ask(session, Claiming(list(dict.fromkeys(pack))), is_reply_lost)

    # Sessions

    @precondition(lambda self: self.busy())
    @rule(who=PICK, is_reply_lost=SELDOM)
    def beat(self, who: int, is_reply_lost: bool) -> None:
        """Leases grow, and what strayed is taken back."""
        self.ask(pick(self.busy(), who), Beating(), is_reply_lost)

    @precondition(lambda self: self.in_flight())
    @rule(which=PICK, how=ENDINGS, is_reply_lost=SELDOM)
    def finish(self, which: int, how: str, is_reply_lost: bool) -> None:
        """Late where the session overslept its lease, and knows nothing of it yet."""
        session, job = pick(self.in_flight(), which)
        self.ask(session, Recording([self.end(session, job, how)]), is_reply_lost)

    @precondition(lambda self: self.in_flight())
    @rule(which=PICK, how=ENDINGS)
    def finish_without_store(self, which: int, how: str) -> None:
        """The store takes nothing: the outcome is kept on the host's disk."""
        session, job = pick(self.in_flight(), which)
        self.spool.append(self.end(session, job, how))
        session.held.drop([job.job_id])

    @precondition(lambda self: self.spool)
    @rule(which=PICK, is_reply_lost=SELDOM)
    def record_from_spool(self, which: int, is_reply_lost: bool) -> None:
        """Whoever finds it records it, and once more where the reply was lost."""
        ended = pick(self.spool, which)
        self.record([ended])
        if not is_reply_lost:
            self.spool.remove(ended)

    @precondition(lambda self: self.unanswered())
    @rule(who=PICK, is_reply_lost=SELDOM)
    def ask_again(self, who: int, is_reply_lost: bool) -> None:
        """The commit was made, but its reply was lost: the session repeats all of it."""
        session = pick(self.unanswered(), who)
        assert session.unanswered is not None
        self.ask(session, session.unanswered, is_reply_lost)

    @precondition(lambda self: self.in_flight())
    @rule(which=PICK, is_reply_lost=SELDOM)
    def lose_engine(self, which: int, is_reply_lost: bool) -> None:
        """The session lives on, and knows who was in it."""
        session, _ = pick(self.in_flight(), which)
        jobs = list(session.flights.values())
        ended = [self.crashed(session, job) for job in jobs]
        self.ask(session, Recording(ended), is_reply_lost)

    @precondition(lambda self: len(self.sessions) > 1 and self.busy())
    @rule(who=PICK)
    def die(self, who: int) -> None:
        """Nobody is told."""
        session = pick(self.busy(), who)
        self.sessions.remove(session)
        self.dead.append(session)

    @precondition(lambda self: self.dead)
    @rule(which=PICK, is_blamed=st.booleans(), is_repeated=SELDOM)
    def start(self, which: int, is_blamed: bool, is_repeated: bool) -> None:
        """The next process of a host gives back what the dead one left."""
        dead = pick(self.dead, which)
        self.dead.remove(dead)
        for _ in range(1 + is_repeated):
            self.release(dead, is_blamed)
        self.give_birth(dead.host)

    @precondition(lambda self: self.books.in_flight())
    @rule(seconds=NAPS)
    def sleep(self, seconds: float) -> None:
        """Everybody, at once."""
        self.clock.sleep(seconds)

    # What must be true after each step

    def teardown(self) -> None:
        """All misfortune ends: one new session is enough to bring everything to its end."""
        if sys.exc_info()[0] is not None:
            return
        session = Session("fresh", "fresh")
        if self.paused:
            self.go_on()
        # At least one job ends in each round: suspects run one at a time.
        for _ in range(len(self.books.unfinished())):
            self.clock.sleep(LEASE_S + 1)
            self.reap_expired()
            self.books_are_kept()
            self.recall()
            self.books_are_kept()
            hints = self.hand_out(100)
            self.books_are_kept()
            self.ask(session, Claiming(hints), is_reply_lost=False)
            self.books_are_kept()
            jobs = list(session.flights.values())
            ended = [self.end(session, job, "succeed") for job in jobs]
            self.ask(session, Recording(ended), is_reply_lost=False)
            self.books_are_kept()
        assert self.books.unfinished() == []
        self.desk.finalize()
        assert {self.desk.batch_state(b) for b in self.inputs} <= {
            "completed",
            "cancelled",
            "expired",
        }


def pick(among: Sequence[Any], which: int) -> Any:
    return among[which % len(among)]
