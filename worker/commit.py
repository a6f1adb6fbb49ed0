"""One transaction of the worker: record, heartbeat and claim together."""

from collections.abc import Iterable

from jobs.model import Claimed, Outcome
from jobs.store import hosts, rests, running
from jobs.store.hosts import HostRow, Rest
from jobs.store.store import Store
from worker.held import Held
from worker.work import Work, Written


class Commits:
    """Commits pieces of work for one session and keeps book of what it holds. For one thread."""

    def __init__(self, store: Store, who: HostRow, lease_s: float) -> None:
        self._store = store
        self._who = who
        self._lease_s = lease_s
        self._held = Held()

    @property
    def holds_any(self) -> bool:
        """Whether there are jobs whose lease must not run out."""
        return bool(self._held)

    def stamped(self, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """Outcomes under the epochs that their jobs have by now."""
        return tuple(map(self._held.stamp, outcomes))

    def commit(self, work: Work) -> Written:
        """Write all of `work` or nothing of it.

        Raises:
            DataFault: one of its values cannot be stored.
            OtherVersionError: another program has upgraded the store; nothing may be written.
            StoreError: the store takes nothing now; the same work may be given again.
        """
        held = self._held
        outcomes = self.stamped(work.outcomes)
        ended = {outcome.job_id for outcome in outcomes}
        who, beat, taken, claimed = self._who, None, frozenset[str](), list[Claimed]()
        pause: Rest | None = None
        is_replaced = False
        with self._store.write(durable=bool(outcomes)) as c:
            if work.is_beat:
                # Whoever slept through an upgrade finds out before anything is written.
                self._store.require_version(c)
            if bool(outcomes) + work.is_beat + bool(work.hints) > 1:
                running.hold(c, {*ended, *held.job_ids, *(hint.job_id for hint in work.hints)})
            if outcomes:
                taken = frozenset(running.record(c, outcomes))
            if work.is_beat:
                # After the records, whose jobs are no longer held. Before the claims, because
                # a heartbeat gives away what it does not list.
                is_listed = hosts.seen(c, who.name, who.session, work.trouble, work.rest)
                is_replaced = not is_listed and not hosts.enter_again(c, who)
                beat = running.heartbeat(c, who.session, held.hints(without=ended), self._lease_s)
                pause = rests.pause_of(c, who.pool)
            if work.hints:
                claimed = running.claim(c, who.session, who.name, work.hints, self._lease_s)
        held.drop(ended)
        if beat is not None:
            held.follow(beat)
        return Written(
            taken=taken,
            claimed=held.admit(claimed),
            beat=beat,
            pause=pause,
            is_replaced=is_replaced,
        )
