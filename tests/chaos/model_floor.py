"""A store with sessions, messages and spools around it, and what the rules of the game do there.

After each step the books are looked through: `model_books.py` says what must be true of them.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)
from hypothesis.strategies._internal.featureflags import FeatureFlags

from jobs.codes import ErrorCode
from jobs.model import Claimed, Hint, Outcome
from jobs.states import JobState
from jobs.store import dispatch, hosts
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
from tests.jobs.store.desk import LEASE_S, Desk, hints_of, outcome

HOSTS = ("studio", "mini", "server")
MAX_ERRORS = 3
#: How long a session may leave out of its heartbeats what it has only just claimed.
GRACE_S = 5.0


class Floor(RuleBasedStateMachine):
    """Everything around one store, as it stands after the last step."""

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
        #: Died, and were not missed yet.
        self.dead: list[Session] = []
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
                assert sorted(job.job_id for job in claimed) == sorted(h.job_id for h in due)
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
        assert [hint.is_suspect for hint in hints] == [bool(row.suspect) for row in given]
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

    def crashed(self, session: Session, job: Claimed) -> Outcome:
        """Its engine died; nobody is charged but a suspect that was alone in it."""
        is_alone = session.alone is job
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

    def release(self, dead: Session, is_blamed: bool) -> None:
        with self.store.write() as c:
            for name in hosts.sessions_of(c, dead.host):
                if name == dead.name and is_blamed:
                    self.expect_blame(dead)
                dispatch.release_session(c, name, blame=is_blamed, max_crashes=self.max_crashes)

    def expect_blame(self, dead: Session) -> None:
        """Only a suspect is charged that was alone in the engine, whatever the store knows of
        neighbours; and only if the session never lost it since it claimed it.
        """
        held = self.books.held_by(dead.name)
        if dead.alone is not None and [Hint(r.id, r.epoch) for r in held] == hints_of([dead.alone]):
            self.expected[dead.alone.job_id] = Expected(crashes=1)

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
