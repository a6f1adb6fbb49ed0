"""What the processes around the store believe; nobody but the store knows better.

A session asks the store for one thing after the other, as the writer of a worker does: what it
got no answer to it asks again, word for word, before anything else.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobs.model import Claimed, Hint, Outcome
from jobs.store import hosts, running
from jobs.store.running import Beat
from tests.jobs.store.desk import LEASE_S, Desk
from worker.held import Held


@dataclass
class Session:
    """One worker process, as it sees itself."""

    host: str
    name: str
    held: Held = field(default_factory=Held)
    #: What it generates, each job as it was claimed: all that is in its engine.
    flights: dict[str, Claimed] = field(default_factory=dict)
    #: The job that it claimed last as a suspect, to be alone with it.
    suspect: str | None = None
    #: What was asked, but the answer was lost on its way.
    unanswered: "Ask | None" = None

    def __repr__(self) -> str:
        return self.name

    @property
    def alone(self) -> Claimed | None:
        """What it is alone with, on purpose."""
        job = self.flights.get(self.suspect or "")
        assert job is None or len(self.flights) == 1, "a suspect has company"
        return job

    def can_take(self, messages: Sequence[Sequence[Hint]]) -> int:
        """How many of the first messages it would claim now. The others wait: a suspect for the
        end of all that is in its hands, and whatever comes after a suspect for its end.
        """
        if self.alone is not None or not messages:
            return 0
        if messages[0][0].is_suspect:
            return 0 if self.flights else 1
        plain = itertools.takewhile(lambda message: not message[0].is_suspect, messages)
        return len(list(plain))


class Claiming(NamedTuple):
    """A session asks for the jobs of a message."""

    pack: Sequence[Hint]

    def commit(self, desk: Desk, session: Session) -> list[Claimed]:
        return desk.claim(self.pack, session.name, host=session.host)

    def hear(self, session: Session, claimed: list[Claimed]) -> None:
        session.flights |= session.held.admit(claimed)
        session.suspect = next((hint.job_id for hint in self.pack if hint.is_suspect), None)


class Beating(NamedTuple):
    """A session says what it holds."""

    def commit(self, desk: Desk, session: Session) -> Beat:
        with desk.store.write() as c:
            hosts.seen(c, session.host, session.name)
            return running.heartbeat(c, session.name, session.held.hints(), LEASE_S)

    def hear(self, session: Session, beat: Beat) -> None:
        session.held.follow(beat)
        for job_id in beat.lost:
            session.flights.pop(job_id, None)


class Recording(NamedTuple):
    """A session tells how attempts ended."""

    outcomes: Sequence[Outcome]

    def commit(self, desk: Desk, session: Session) -> set[str]:
        return desk.record(*self.outcomes)

    def hear(self, session: Session, taken: set[str]) -> None:
        session.held.drop(outcome.job_id for outcome in self.outcomes)


Ask = Claiming | Beating | Recording


class Expected(NamedTuple):
    """By how much the books of a job may have grown in this run."""

    errors: int = 0
    crashes: int = 0


def is_due(row: Any, hint: Hint, session: Session) -> bool:
    """Whether a session must be given a job for a hint, given the job's row."""
    if row is None or row.epoch != hint.epoch:
        return False
    return row.state == "dispatched" or (row.state == "running" and row.session == session.name)


def due_beat(jobs: Mapping[str, Any], session: Session) -> Beat:
    """What a session must be told of each job that it lists, given the rows of all jobs."""
    lost: list[str] = []
    epochs: dict[str, int] = {}
    for hint in session.held.hints():
        job_id, epoch = hint.job_id, hint.epoch
        row = jobs.get(job_id)
        if row is None or row.state not in UNFINISHED or epoch <= row.run_epoch:
            lost.append(job_id)
        elif row.state != "running":
            epochs[job_id] = row.epoch + 1
        elif row.session != session.name:
            lost.append(job_id)
        elif row.epoch != epoch:
            epochs[job_id] = row.epoch
    return Beat(lost=tuple(lost), epochs=epochs)


def counts(row: Any, outcome: Outcome) -> bool:
    """Whether an outcome must be taken, given the job's row.

    An answer is welcome under any epoch of the unfinished run it was made for. A failure ends
    nothing that somebody else holds.
    """
    if row is None or row.run != outcome.run or row.state not in UNFINISHED:
        return False
    is_holder = (row.state, row.session, row.epoch) == ("running", outcome.session, outcome.epoch)
    return outcome.state == "succeeded" or is_holder


UNFINISHED = frozenset({"pending", "dispatched", "running"})
