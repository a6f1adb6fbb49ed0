"""The clock of the chaos tests is the one that the store reads."""

from jobs.store import dialect
from tests.chaos.clock import START, clocked_store


def test_the_store_reads_the_clock_that_is_set(store_url: str) -> None:
    with clocked_store(store_url) as (store, clock):
        for _ in range(2):
            with store.read() as c:
                assert abs(dialect.now(c) - clock.now) < 1e-3
            clock.sleep(3600)
        assert clock.now == START + 7200
