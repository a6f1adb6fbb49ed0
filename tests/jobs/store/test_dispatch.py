"""The dispatcher's verbs."""

from collections import Counter

import pytest

from jobs.model import Hint
from jobs.states import JobState
from jobs.store import batches, dispatch, hosts, ingest, pauses
from jobs.store.standings import standings
from tests.jobs.store.desk import Desk, line, new_batch, outcome


def host(
    name: str, pool: str = "mlx", slots: int = 4, models: tuple[str, ...] = ()
) -> hosts.HostRow:
    return hosts.HostRow(
        name=name,
        session=f"session of {name}",
        pool=pool,
        slots=slots,
        models=models,
        machine="M2, 64 GB",
        version="0.1.0",
    )


def lines_of(desk: Desk, hints: list[Hint]) -> list[int]:
    return [desk.job(hint.job_id).line for hint in hints]


def put_back(desk: Desk, older_than_s: float, pool: str = "mlx") -> int:
    with desk.store.write() as c:
        return dispatch.put_back_unclaimed(c, pool, older_than_s)


def test_jobs_are_given_in_the_order_of_their_lines(desk: Desk) -> None:
    desk.batch(line(3), line(1), line(2))
    hints = desk.dispatch(2)
    assert lines_of(desk, hints) == [1, 2]
    assert [hint.epoch for hint in hints] == [1, 1]
    assert desk.states() == {1: "dispatched", 2: "dispatched", 3: "pending"}
    assert desk.counted() == desk.recount()


def test_batches_of_a_higher_priority_come_first_then_older_ones(desk: Desk) -> None:
    desk.batch(line(1), batch_id="b-old")
    desk.batch(line(2), batch_id="b-new")
    desk.batch(line(3), batch_id="b-urgent", priority=5)
    assert lines_of(desk, desk.dispatch()) == [3, 1, 2]


def test_batches_of_the_same_priority_take_turns(desk: Desk) -> None:
    desk.batch(*(line(number) for number in range(1, 9)), batch_id="b-large")
    desk.dispatch(3)
    desk.batch(line(11), line(12), line(13), line(14), batch_id="b-small")
    assert lines_of(desk, desk.dispatch(5)) == [11, 12, 13, 4, 14]


def test_what_one_batch_has_no_jobs_for_goes_to_the_others(desk: Desk) -> None:
    desk.batch(line(1), batch_id="b-small")
    desk.batch(*(line(number) for number in range(11, 19)), batch_id="b-large")
    desk.batch(line(21), batch_id="b-low", priority=-1)
    assert lines_of(desk, desk.dispatch(6)) == [1, 11, 12, 13, 14, 15]
    assert lines_of(desk, desk.dispatch(6)) == [16, 17, 18, 21]


def test_a_batch_has_no_more_in_flight_than_it_may_over_all_pools(desk: Desk) -> None:
    lines = [line(number, pool="mlx" if number % 2 else "ollama") for number in range(1, 9)]
    desk.batch(*lines, max_running=3)
    assert len(desk.dispatch(pool="ollama", limit=2)) == 2
    first = desk.dispatch()
    assert lines_of(desk, first) == [1]
    assert desk.dispatch() == []
    desk.record(outcome(*desk.claim(first)))
    assert lines_of(desk, desk.dispatch()) == [3]


def test_a_batch_whose_deadline_has_passed_gets_nothing_more(desk: Desk) -> None:
    desk.batch(line(1), deadline_in_s=3600)
    desk.batch(line(2), batch_id="b-2", deadline_in_s=3600)
    desk.do("UPDATE batches SET deadline = deadline - 3601 WHERE id = 'b-1'")
    assert lines_of(desk, desk.dispatch()) == [2]


def test_a_paused_batch_that_seemed_to_wait_a_moment_ago_gets_nothing(desk: Desk) -> None:
    desk.batch(line(1))
    with desk.store.read() as c:
        standing = standings(c, ["mlx"])["mlx"]
    with desk.store.write() as c:
        pauses.pause(c, "b-1", "Too many failed.")
        assert dispatch.hand_out(c, "mlx", 5, standing) == []


def test_jobs_that_may_not_start_yet_do_not_count_as_waiting(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    desk.do("UPDATE jobs SET not_before = 1e12")
    with desk.store.read() as c:
        assert standings(c, ["mlx"])["mlx"].contenders == ()


def test_a_standing_tells_what_a_batch_has_in_this_pool_and_may_have_in_all(desk: Desk) -> None:
    desk.batch(*(line(n, pool="mlx" if n > 2 else "ollama") for n in range(1, 9)), max_running=9)
    desk.dispatch(pool="ollama")
    desk.take(1)
    desk.dispatch(2)
    with desk.store.read() as c:
        found = standings(c, ["mlx", "cloud"], urgent={"b-1"}, turn_of=lambda _: 7)
    (seen,) = found["mlx"].contenders
    assert (seen.dispatched, seen.running, seen.allowance) == (2, 1, 4)
    assert (seen.is_waiting, seen.has_suspects, seen.is_urgent, seen.turn) == (True, False, True, 7)
    assert (found["mlx"].is_empty, found["cloud"].is_empty) == (False, True)


def test_suspects_take_turns_with_a_full_window_of_their_equals(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    desk.take()
    desk.release("s1")
    desk.batch(*(line(number) for number in range(11, 14)), batch_id="b-2")
    turns = Counter[str]()
    seen = []
    for turn in range(1, 5):
        with desk.store.write() as c:
            standing = standings(c, ["mlx"], turn_of=turns.__getitem__)["mlx"]
            given = dispatch.hand_out(c, "mlx", 2, standing)
        turns |= {batch_id: turn for batch_id, _ in given}
        seen.append(lines_of(desk, [hint for _, hint in given]))
        desk.record(*(outcome(job) for job in desk.claim([hint for _, hint in given])))
    assert seen == [[1], [11, 12], [2], [13]]


def test_a_pool_is_given_its_own_jobs_only(desk: Desk) -> None:
    desk.batch(line(1), line(2, pool="ollama"))
    assert lines_of(desk, desk.dispatch(pool="ollama")) == [2]


def test_a_batch_that_is_still_read_in_is_not_dispatched(desk: Desk) -> None:
    with desk.store.write() as c:
        batches.create(c, "b-1", new_batch())
        ingest.add(c, "b-1", 1, [line(1)])
    assert desk.dispatch() == []


def test_nothing_is_dispatched_beyond_the_limit(desk: Desk) -> None:
    desk.batch(line(1), line(2), batch_id="b-1")
    desk.batch(line(1), line(2), batch_id="b-2")
    assert len(desk.dispatch(3)) == 3
    assert desk.dispatch(0) == []
    assert desk.dispatch(-5) == []


def test_an_unclaimed_job_goes_back_once_it_is_old(desk: Desk) -> None:
    desk.batch(line(1))
    hints = desk.dispatch()
    assert put_back(desk, 60) == 0
    desk.do("UPDATE jobs SET dispatched_at = dispatched_at - 61")
    assert put_back(desk, 60, pool="ollama") == 0
    assert put_back(desk, 60) == 1
    assert desk.claim(hints) == []
    assert desk.counted() == desk.recount()


def test_a_running_job_is_not_put_back(desk: Desk) -> None:
    desk.batch(line(1))
    desk.take()
    assert put_back(desk, -1) == 0


def test_what_is_dispatched_can_be_recalled(desk: Desk) -> None:
    desk.batch()
    desk.take(2)
    desk.dispatch(3)
    with desk.store.write() as c:
        assert dispatch.recall_dispatched(c, "mlx") == 3
    assert (desk.counts().pending, desk.counts().running) == (8, 2)


def test_a_pool_lives_while_one_of_its_hosts_does(desk: Desk) -> None:
    with desk.store.write() as c:
        hosts.announce(c, host("studio", models=("demo", "big")))
        hosts.announce(c, host("mini", slots=2, models=("demo",)))
        hosts.announce(c, host("server", pool="ollama"))
    desk.do("UPDATE hosts SET seen_at = seen_at - 100 WHERE name = 'server'")
    desk.batch()
    desk.take(2)
    desk.dispatch(3)
    with desk.store.read() as c:
        (pool,) = dispatch.live_pools(c, alive_s=30)
    assert (pool.name, pool.slots, pool.in_flight, pool.running) == ("mlx", 6, 5, 2)
    assert pool.models == {"demo", "big"}


def test_an_idle_pool_has_nothing_in_flight(desk: Desk) -> None:
    with desk.store.write() as c:
        hosts.announce(c, host("studio"))
    with desk.store.read() as c:
        (pool,) = dispatch.live_pools(c, alive_s=30)
    assert (pool.in_flight, pool.running, pool.models) == (0, 0, frozenset())


def test_a_batch_goes_on_while_its_input_is_read_again(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    with desk.store.write() as c:
        batches.reopen_ingest(c, "b-1")
    assert lines_of(desk, desk.dispatch(2)) == [1, 2]
    assert desk.finalize() == []


def test_a_batch_that_is_read_for_the_first_time_waits(desk: Desk) -> None:
    with desk.store.write() as c:
        batch = batches.create(c, "b-1", new_batch())
        ingest.add(c, batch.id, batch.revision, [line(1)])
    assert desk.dispatch(1) == []


def test_a_parked_host_counts_for_nothing_until_its_time_is_over(desk: Desk) -> None:
    parked = hosts.Trouble(text="Not running.", parked_s=60)
    with desk.store.write() as c:
        hosts.announce(c, host("studio"))
        hosts.announce(c, host("mini", slots=2))
        hosts.seen(c, "mini", "session of mini", parked)
        assert [pool.slots for pool in dispatch.live_pools(c, alive_s=30)] == [4]
        hosts.seen(c, "studio", "session of studio", hosts.Trouble(text="A leak.", parked_s=None))
        assert dispatch.live_pools(c, alive_s=30) == []
    desk.do("UPDATE hosts SET parked_until = parked_until - 100")
    with desk.store.read() as c:
        assert [pool.slots for pool in dispatch.live_pools(c, alive_s=30)] == [2]


def test_a_batch_is_completed_when_its_last_job_is(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    first, second = desk.take()
    desk.record(outcome(first))
    assert desk.finalize() == []
    desk.record(outcome(second, JobState.FAILED))
    assert desk.finalize() == ["b-1"]
    assert desk.finalize() == []
    with desk.store.read() as c:
        batch = batches.get(c, "b-1")
    assert batch.state == "completed"
    assert batch.finished_at is not None
    assert batch.finished_at >= batch.created_at


@pytest.mark.parametrize("word", ["pending", "dispatched", "running"])
def test_a_batch_with_an_unfinished_job_is_not_completed(desk: Desk, word: str) -> None:
    desk.batch(line(1))
    if word == "dispatched":
        desk.dispatch()
    if word == "running":
        desk.take()
    assert desk.states() == {1: word}
    assert desk.finalize() == []


def test_rates_are_kept_while_a_batch_is_open(desk: Desk) -> None:
    desk.batch(line(1))
    with desk.store.write() as c:
        dispatch.keep_rates(c, "b-1", 2.5, 80.0)
        batch = batches.get(c, "b-1")
    assert (batch.jobs_per_s, batch.tokens_per_s) == (2.5, 80.0)
    (job,) = desk.take()
    desk.record(outcome(job))
    desk.finalize()
    with desk.store.read() as c:
        batch = batches.get(c, "b-1")
    assert (batch.jobs_per_s, batch.tokens_per_s) == (0, 0)


def test_the_claim_delay_is_that_of_the_slowest_percent(desk: Desk) -> None:
    desk.batch()
    desk.take()
    desk.do("UPDATE jobs SET dispatched_at = started_at - line")
    with desk.store.read() as c:
        assert dispatch.claim_delay_p99(c) == pytest.approx(10, abs=0.01)


def test_without_running_jobs_there_is_no_claim_delay(desk: Desk) -> None:
    with desk.store.read() as c:
        assert dispatch.claim_delay_p99(c) == 0
