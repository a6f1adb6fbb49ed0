"""Users, dispatcher, broker, sessions and misfortune around one store, as rules of a game.

After each step the books are looked through: `model_books.py` says what must be true of them.
"""

import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.strategies._internal.featureflags import FeatureFlags

from jobs.codes import ErrorCode
from jobs.model import Claimed, Hint, Outcome
from jobs.states import JobState
from jobs.store import counters, dispatch, hosts, pauses
from jobs.store.hosts import HostRow
from jobs.store.running import Beat
from jobs.store.schema import metadata
from jobs.store.store import Store
from tests.chaos.clock import START, Clock
from tests.chaos.model import (
    Ask,
    Beating,
    Claiming,
    Expected,
    Recording,
    Session,
    counts,
    due_beat,
    is_due,
)
from tests.chaos.model_books import (
    Books,
    Key,
    check,
    check_accepted,
    check_leases,
    check_poison,
    check_step,
)
from tests.jobs.store.desk import LEASE_S, Desk, bad_line, hints_of, line, outcome

HOSTS = ("studio", "mini", "server")
MOST_BATCHES = 3
#: Messages that are on their way at once.
MANY = 4
MAX_ERRORS = 3

PICK = st.integers(0, 11)
SELDOM = st.sampled_from([False] * 5 + [True])
MOSTLY = st.sampled_from([True] * 5 + [False])
#: Shorter and longer than it is waited before another try.
PAUSES = st.sampled_from([0.3, 2.1])
#: How long a session may leave out of its heartbeats what it has only just claimed.
GRACE_S = 5.0
#: A moment, longer than a claim may be missing in a session's books, most of a lease and more.
NAPS = st.sampled_from([0.7, 6.1, 57.2, 61.3])
ENDINGS = st.sampled_from(["succeed", "cut", "fail", "error", "hand back"])


class Mill(RuleBasedStateMachine):
    """Everything around one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        use_all_rules(self)
        empty(store)
        clock.now = START
        self.store, self.clock, self.desk = store, clock, Desk(store)
        #: The custom_ids and bodies of each batch as they were last read.
        self.inputs: dict[str, dict[str, str]] = {}
        self.accepted: set[Key] = set()
        #: On their way: each may be lost, doubled or late.
        self.messages: list[list[Hint]] = []
        #: Outcomes on the disks of hosts.
        self.spool: list[Outcome] = []
        self.sessions: list[Session] = []
        self.dead_hosts: list[str] = []
        self.paused: list[str] = []
        #: What this step has to bring: charges, new leases, states.
        self.expected: dict[str, Expected] = {}
        self.leased: set[str] = set()
        self.due: dict[str, str] = {}
        self.max_crashes = 1
        self.births = 0
        for host in HOSTS:
            self.give_birth(host)
        self.books = Books.read(store)

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
        pack = [hint for message in self.messages[:number] for hint in message]
        if not is_doubled:
            del self.messages[:number]
        self.ask(pick(self.free(), who), Claiming(list(dict.fromkeys(pack))), is_reply_lost)

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
        ended = [self.crashed(session, job, is_alone=len(jobs) == 1) for job in jobs]
        self.ask(session, Recording(ended), is_reply_lost)

    @precondition(lambda self: len(self.sessions) > 1 and self.busy())
    @rule(who=PICK)
    def die(self, who: int) -> None:
        """Nobody is told."""
        session = pick(self.busy(), who)
        self.sessions.remove(session)
        self.dead_hosts.append(session.host)

    @precondition(lambda self: self.dead_hosts)
    @rule(which=PICK, is_blamed=st.booleans(), is_repeated=SELDOM)
    def start(self, which: int, is_blamed: bool, is_repeated: bool) -> None:
        """The next process of a host gives back what the dead one left."""
        host = pick(self.dead_hosts, which)
        self.dead_hosts.remove(host)
        for _ in range(1 + is_repeated):
            self.release(host, is_blamed)
        self.give_birth(host)

    @precondition(lambda self: self.books.in_flight())
    @rule(seconds=NAPS)
    def sleep(self, seconds: float) -> None:
        """Everybody, at once."""
        self.clock.sleep(seconds)

    # What must be true after each step

    @invariant()
    def books_are_kept(self) -> None:
        books = Books.read(self.store)
        check_step(self.books, books, self.expected)
        check(books)
        check_poison(books, self.max_crashes)
        check_accepted(books, self.accepted, self.present())
        check_leases(books, self.leased, self.clock.now + LEASE_S)
        assert self.due == {job_id: books.jobs[job_id].state for job_id in self.due}
        self.books, self.expected, self.leased, self.due = books, {}, set(), {}

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
        assert {self.desk.batch_state(b) for b in self.inputs} <= {"completed", "cancelled"}

    # How it is done

    def ask(self, session: Session, ask: Ask, is_reply_lost: bool) -> None:
        session.unanswered = ask
        answer = self.commit(session, ask)
        if not is_reply_lost:
            session.unanswered = None
            ask.hear(session, answer)

    def commit(self, session: Session, ask: Ask) -> Any:
        """Done in the store, and as it should be."""
        match ask:
            case Claiming(pack):
                due = {h for h in pack if is_due(self.books.jobs.get(h.job_id), h, session)}
                claimed = ask.commit(self.desk, session)
                assert set(hints_of(claimed)) == due
                assert len(claimed) == len(due)
                self.leased |= {job.job_id for job in claimed}
                return claimed
            case Recording(outcomes):
                return self.record(outcomes)
            case Beating():
                beat = ask.commit(self.desk, session)
                assert beat == due_beat(self.books.jobs, session)
                self.expect_kept(session, beat)
                return beat

    def expect_kept(self, session: Session, beat: Beat) -> None:
        """What the session listed has a new lease; the rest goes back, if it is not quite new."""
        listed = {hint.job_id for hint in session.held.hints()}
        self.leased |= listed.difference(beat.lost)
        for row in self.books.held_by(session.name):
            age_s = self.clock.now - row.started_at
            if row.id not in listed and not math.isclose(age_s, GRACE_S, abs_tol=0.01):
                self.due[row.id] = "pending" if age_s > GRACE_S else "running"

    def record(self, outcomes: Sequence[Outcome]) -> set[str]:
        welcome = [o for o in outcomes if counts(self.books.jobs.get(o.job_id), o)]
        taken = self.desk.record(*outcomes)
        assert taken == {o.job_id for o in welcome}
        self.expected |= {o.job_id: Expected(o.counted_errors, o.counted_crashes) for o in welcome}
        return taken

    def hand_out(self, limit: int) -> list[Hint]:
        before = self.books
        hints = self.desk.dispatch(limit)
        given = [before.jobs[hint.job_id] for hint in hints]
        assert all(row.state == "pending" for row in given)
        assert [hint.epoch for hint in hints] == [row.epoch + 1 for row in given]
        if any(row.suspect for row in given):
            assert len(given) == 1, "a suspect had company"
            assert before.in_flight() == [], "a suspect was put beside others"
        if any(row.suspect for row in before.in_flight()):
            assert given == [], "others were put beside a suspect"
        return hints

    def end(self, session: Session, job: Claimed, how: str) -> Outcome:
        """The generation is over; its outcome under the epoch that the session knows."""
        del session.flights[job.job_id]
        said = partial(outcome, job, session=session.name, host=session.host)
        match how:
            case "succeed" | "cut":
                reason = "length" if how == "cut" else "stop"
                ended = said(text=f"{session} {job} {self.clock.now}", finish_reason=reason)
            case "error" if job.errors + 1 < MAX_ERRORS:
                ended = said(JobState.PENDING, counted_errors=1, retry_in_s=2.0)
            case "hand back":
                ended = said(JobState.PENDING)
            case _:
                ended = said(JobState.FAILED, counted_errors=1)
        return session.held.stamp(ended)

    def crashed(self, session: Session, job: Claimed, *, is_alone: bool) -> Outcome:
        del session.flights[job.job_id]
        is_poison = is_alone and job.crashes + 1 >= self.max_crashes
        return session.held.stamp(
            outcome(
                job,
                JobState.FAILED if is_poison else JobState.PENDING,
                session=session.name,
                host=session.host,
                counted_crashes=int(is_alone),
                is_suspect=not is_poison,
                error_code=ErrorCode.POISON if is_poison else ErrorCode.BACKEND_FAILED,
            )
        )

    def reap_expired(self) -> None:
        """Who let a lease run out loses all its jobs, and nobody else loses any."""
        held = self.books.having("running")
        silent = {row.session for row in held if row.lease_until < self.clock.now}
        self.due |= {row.id: "pending" if row.session in silent else "running" for row in held}
        assert self.desk.reap() == len([row for row in held if row.session in silent])

    def release(self, host: str, is_blamed: bool) -> None:
        with self.store.write() as c:
            for name in hosts.sessions_of(c, host):
                self.expect_blame(name, is_blamed)
                dispatch.release_session(c, name, blame=is_blamed, max_crashes=self.max_crashes)

    def expect_blame(self, session: str, is_blamed: bool) -> None:
        """Only who was alone is charged, by what the store knows.

        A neighbour that ended or was taken away only a moment before it does not know of: the
        session may have died of it, and would only have heard at its next heartbeat.
        """
        held = self.books.held_by(session)
        if is_blamed and len(held) == 1:
            self.expected[held[0].id] = Expected(crashes=1)

    def give_birth(self, host: str) -> None:
        self.births += 1
        session = Session(host, f"{host}-{self.births}")
        row = HostRow(
            name=host,
            session=session.name,
            pool="mlx",
            slots=4,
            models=("demo",),
            machine="tests",
            version="0",
        )
        with self.store.write() as c:
            hosts.announce(c, row)
        self.sessions.append(session)

    def was_read(self, batch_id: str, read: dict[str, str]) -> None:
        self.inputs[batch_id] = read
        self.accepted |= {(batch_id, custom_id) for custom_id in read}

    def present(self) -> set[Key]:
        return {
            (batch_id, custom_id) for batch_id, read in self.inputs.items() for custom_id in read
        }

    def ended(self, state: str) -> list[str]:
        """The batches that have jobs in this state."""
        return sorted({row.batch_id for row in self.books.having(state)})

    def free(self) -> list[Session]:
        """The sessions that wait for no answer."""
        return [session for session in self.sessions if session.unanswered is None]

    def busy(self) -> list[Session]:
        """Those of them that believe to hold something, or of which the store believes it."""
        holders = {row.session for row in self.books.having("running")}
        return [s for s in self.free() if s.flights or s.name in holders]

    def unanswered(self) -> list[Session]:
        return [session for session in self.sessions if session.unanswered is not None]

    def in_flight(self) -> list[tuple[Session, Claimed]]:
        return [(session, job) for session in self.free() for job in session.flights.values()]


def pick(among: Sequence[Any], which: int) -> Any:
    return among[which % len(among)]


def empty(store: Store) -> None:
    with store.write() as c:
        for table in metadata.sorted_tables:
            c.execute(table.delete())


def use_all_rules(machine: RuleBasedStateMachine) -> None:
    """Let every game have all rules: what is worth seeing here takes many of them together.

    Hypothesis switches some off in each game, in most games most of them.
    """
    chooser = machine._rules_strategy
    assert hasattr(chooser, "enabled_rules_strategy"), "another Hypothesis: look how it chooses"
    chooser.enabled_rules_strategy = st.builds(FeatureFlags)
