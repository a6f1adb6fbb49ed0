"""One transaction of the worker: record, heartbeat and claim together."""

from jobs.model import Claimed
from jobs.store import hosts, running
from jobs.store.store import Store
from worker.held import Held
from worker.outcomes import Identity
from worker.work import Work, Written


class Commits:
    """Commits pieces of work for one session and keeps book of what it holds. For one thread."""

    def __init__(self, store: Store, who: Identity, lease_s: float) -> None:
        self._store = store
        self._who = who
        self._lease_s = lease_s
        self._held = Held()

    def commit(self, work: Work) -> Written:
        """Write all of `work` or nothing of it.

        Raises:
            DataFault: one of its values cannot be stored.
            StoreError: the store takes nothing now; the same work may be given again.
        """
        held = self._held
        outcomes = [held.stamp(outcome) for outcome in work.outcomes]
        ended = {outcome.job_id for outcome in outcomes}
        who, beat, taken, claimed = self._who, None, frozenset[str](), list[Claimed]()
        with self._store.write(durable=bool(outcomes)) as c:
            if outcomes:
                taken = frozenset(running.record(c, outcomes))
            if work.is_beat:
                # After the records, whose jobs are no longer held. Before the claims, because
                # a heartbeat gives away what it does not list.
                hosts.seen(c, who.name, who.session, work.trouble)
                beat = running.heartbeat(c, who.session, held.hints(without=ended), self._lease_s)
            if work.hints:
                claimed = running.claim(c, who.session, who.name, work.hints, self._lease_s)
        held.drop(ended)
        if beat is not None:
            held.follow(beat)
        return Written(taken=taken, claimed=held.admit(claimed), beat=beat)
