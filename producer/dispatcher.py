"""Handing out work: from pending rows of the store to packs in the broker.

A row is marked as dispatched, and that is committed, before its message is sent. A message that
was lost or never sent leaves a row that nobody claims; such rows are found and handed out again.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from jobs.clocks import counting_sleep
from jobs.errors import BrokerError
from jobs.model import Hint
from jobs.store import batches
from jobs.store import dispatch as verbs
from jobs.store.dispatch import LivePool
from jobs.store.hosts import ALIVE_S
from jobs.store.ranking import in_line
from jobs.store.standings import Standing, standings
from jobs.store.store import Store
from jobs.wire import MAX_PACK
from producer.attention import Attention
from producer.brake import Brake
from producer.expiry import Expiry
from producer.floor import Floor
from producer.paces import Paces
from producer.publisher import Pack, Publisher
from producer.recalls import Recalls
from producer.resting import keep_rests
from producer.retention import Retention
from producer.sampling import Sampler
from producer.turns import Turns
from producer.window import Progress, pack_size, window_size

logger = logging.getLogger(__name__)

#: Seconds for which no message is taken for lost.
UNCLAIMED_S = 5.0
#: Seconds between two rounds of upkeep.
UPKEEP_S = 1.0
#: Jobs handed to a pool in one step: short transactions let others write.
MOST_AT_ONCE = 1_000

Handed = tuple[LivePool, list[Hint]]

_WORKING_S = 0.05
_IDLE_S = 0.1


class Dispatcher:
    """The dispatcher of one store. Whoever calls `step` holds the lock that makes it the only one.

    With less than `min_free` bytes on the store's disk it hands out nothing more. `most_in_pack`
    is for measuring what packs are good for, `reaps` for what leases cost.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        clock: Callable[[], float] = counting_sleep,
        most_in_pack: int = MAX_PACK,
        *,
        retention: Retention | None = None,
        min_free: int = 0,
        reaps: bool = True,
    ) -> None:
        self._store = store
        self._retention = retention
        self._floor = Floor(store, min_free)
        self._publisher = publisher
        self._clock = clock
        self._most_in_pack = most_in_pack
        self._reaps = reaps
        self._brake = Brake(store)
        self._expiry = Expiry(store)
        self._upkeep_at = clock()
        self._attention = Attention.beginning(clock())
        self._sampler = Sampler(store)
        self._progress: dict[str, Progress] = {}
        self._paces = Paces()
        self._standings: dict[str, Standing] = {}
        self._is_any_done = False
        self._turns = Turns()
        self._recalls = Recalls()
        #: Counts the times that the broker may have forgotten its messages, and in which of
        #: these lives each pool's messages were sent.
        self._broker_life = 0
        self._filled_in: dict[str, int] = {}

    def broker_restarted(self) -> None:
        """Hand out again what the broker has forgotten; may be called by any thread."""
        self._broker_life += 1

    def step(self) -> float:
        """Hand out what fits the windows; the seconds until the next step.

        Raises `StoreError` or `BrokerError`, after which the next step makes up for this one.
        """
        now = self._clock()
        pools = self._look(now)
        if now >= self._upkeep_at:
            self._keep_up(pools, now)
            self._sampler.look(pools, now)
            if self._retention is not None:
                self._retention.step(now, is_quiet=not any(pool.in_flight for pool in pools))
            self._upkeep_at = now + UPKEEP_S
            with self._store.read() as c:
                self._look_at_batches(c, pools)
        self._expiry.go_on(now)
        handed = [] if self._floor.is_out() else self._hand_out(pools, now)
        self._publish(handed)
        if any(len(hints) == MOST_AT_ONCE for _, hints in handed):
            return 0.0
        return _WORKING_S if any(p.in_flight for p in self._progress.values()) else _IDLE_S

    def close(self) -> None:
        """Take the last sample, so that the charts have the last seconds too."""
        with self._store.read() as c:
            pools = verbs.live_pools(c, ALIVE_S)
        self._sampler.sample(pools)

    def _look(self, now: float) -> list[LivePool]:
        with self._store.read() as c:
            pools = verbs.live_pools(c, ALIVE_S)
            self._look_at_batches(c, pools)
        fresh = Progress(in_flight=0, seen_at=now)
        self._progress = {
            pool.name: self._progress.get(pool.name, fresh).seen(pool.in_flight, now)
            for pool in pools
        }
        return pools

    def _look_at_batches(self, c: Connection, pools: Sequence[LivePool]) -> None:
        self._standings = self._stand(c, pools)
        self._is_any_done = verbs.is_any_done(c)

    def _keep_up(self, pools: Sequence[LivePool], now: float) -> None:
        attention = self._attention.looked(now)
        with self._store.write() as c:
            reaped = verbs.reap_expired(c) if self._reaps and attention.may_judge else 0
            verbs.finalize(c)
            verbs.fold(c)
        # A look at a store that did not answer was none.
        self._attention = attention.ended(self._clock())
        if reaped:
            logger.warning(
                "%d jobs were not heard of within their lease and wait again.",
                reaped,
                extra={"action": "reaped"},
            )
        self._pause_what_fails()
        self._expiry.look(now)
        keep_rests(self._store)
        # Where all slots are taken messages wait; where one is free, they were lost.
        self._put_back([pool.name for pool in pools if pool.running < pool.slots])
        self._keep_rates(now)

    def _pause_what_fails(self) -> None:
        for pool, jobs in self._brake.check().items():
            if pool in self._progress:
                self._note(pool, -jobs)

    def _put_back(self, pools: Sequence[str]) -> None:
        if not pools:
            return
        with self._store.write() as c:
            patience_s = max(UNCLAIMED_S, 3 * verbs.claim_delay_p99(c))
            back = {pool: verbs.put_back_unclaimed(c, pool, patience_s) for pool in pools}
        for pool, jobs in back.items():
            self._note(pool, -jobs)
            if jobs:
                logger.info(
                    "%d jobs of pool %s that nobody claimed are handed out again.",
                    jobs,
                    pool,
                    extra={"action": "put_back"},
                )

    def _keep_rates(self, now: float) -> None:
        with self._store.read() as c:
            places = batches.open_places(c)
            counts = {batch_id: batches.counts(c, batch_id) for batch_id in places}
        self._turns.keep(counts)
        self._paces.look(places, counts, now)
        if not places:
            return
        with self._store.write() as c:
            for batch_id, pace in self._paces:
                verbs.keep_rates(c, batch_id, pace.jobs_per_s, pace.tokens_per_s)

    def _hand_out(self, pools: Sequence[LivePool], now: float) -> list[Handed]:
        """Mark what fits the windows as dispatched, in one transaction for all pools."""
        life, seen = self._broker_life, self._standings
        recalled = {p.name for p in pools if self._recalls.is_due(p.name, seen[p.name], now)}
        forgotten = {p.name for p in pools if self._filled_in.get(p.name) != life}
        taken_back = recalled | forgotten
        open_pools = [p for p in pools if p.name in taken_back or self._can_get_more(p)]
        if not open_pools and not self._is_any_done:
            return []
        began, handed = self._clock(), list[Handed]()
        with self._store.write() as c:
            for pool in open_pools:
                if pool.name in taken_back:
                    self._note(pool.name, -verbs.recall_dispatched(c, pool.name))
                if handed or pool.name in taken_back:
                    # What was given and taken a moment ago counts too.
                    seen = seen | self._stand(c, [pool])
                handed.append((pool, self._fill(c, pool, seen[pool.name])))
            verbs.finalize(c)
        self._filled_in |= dict.fromkeys(forgotten, life)
        for name in recalled:
            self._recalls.done(name, began, self._clock())
        return handed

    def _stand(self, c: Connection, pools: Sequence[LivePool]) -> dict[str, Standing]:
        names = [pool.name for pool in pools]
        return standings(c, names, self._expiry.urgent, self._turns.of)

    def _can_get_more(self, pool: LivePool) -> bool:
        standing = self._standings[pool.name]
        return (
            self._room(pool) > 0 and not standing.is_testing and bool(in_line(standing.contenders))
        )

    def _fill(self, c: Connection, pool: LivePool, standing: Standing) -> list[Hint]:
        room = min(self._room(pool), MOST_AT_ONCE)
        given = verbs.hand_out(c, pool.name, room, standing)
        self._turns.served({batch_id for batch_id, _ in given})
        self._note(pool.name, len(given))
        return [hint for _, hint in given]

    def _publish(self, handed: Sequence[Handed]) -> None:
        try:
            for pool, hints in handed:
                size = pack_size(pool.slots, self._rate_of(pool), self._most_in_pack)
                self._publisher.publish(pool.name, list(in_packs(hints, size)))
        except BrokerError:
            # Which of them arrived is not known.
            self.broker_restarted()
            raise

    def _room(self, pool: LivePool) -> int:
        window = window_size(pool.slots, self._rate_of(pool))
        return window - self._progress[pool.name].in_flight

    def _rate_of(self, pool: LivePool) -> float:
        return self._progress[pool.name].rate.per_s

    def _note(self, pool: str, jobs: int) -> None:
        self._progress[pool] = self._progress[pool].handed(jobs)


def in_packs(hints: Sequence[Hint], size: int) -> Iterator[Pack]:
    """The hints in their order, `size` to a pack and the rest in the last one."""
    for start in range(0, len(hints), size):
        yield hints[start : start + size]
