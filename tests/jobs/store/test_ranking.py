"""Who gets the free room of a pool."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.store.ranking import Contender, in_line, is_out_of_order, share


def batch(name: str, **changes: Any) -> Contender:
    return Contender(batch_id=name, **changes)


def test_a_batch_that_is_alone_gets_all_the_room() -> None:
    assert share([batch("a")], 7) == {"a": 7}


def test_without_room_nobody_gets_anything() -> None:
    assert share([batch("a"), batch("b")], 0) == {}
    assert share([batch("a")], -3) == {}
    assert share([], 5) == {}


def test_a_higher_priority_gets_everything_first() -> None:
    assert share([batch("a"), batch("b", priority=1)], 3) == {"b": 3}


def test_a_near_deadline_comes_first_among_the_same_priority_only() -> None:
    late, other = batch("late", is_urgent=True), batch("other")
    higher = batch("higher", priority=1)
    assert share([other, late], 3) == {"late": 3}
    assert share([other, late, higher], 3) == {"higher": 3}


def test_equals_get_the_same() -> None:
    assert share([batch("a"), batch("b"), batch("c")], 6) == {"a": 2, "b": 2, "c": 2}


def test_who_has_less_in_flight_is_brought_up_to_the_others_first() -> None:
    large, small = batch("large", running=8), batch("small", running=1, dispatched=1)
    assert share([large, small], 4) == {"small": 4}
    assert share([large, small], 10) == {"small": 8, "large": 2}


def test_what_does_not_go_round_goes_to_those_who_were_served_longest_ago() -> None:
    one, two, three = batch("one", turn=2), batch("two", turn=3), batch("three", turn=1)
    assert share([one, two, three], 1) == {"three": 1}
    assert share([one, two, three], 5) == {"three": 2, "one": 2, "two": 1}


def test_of_equals_that_were_never_served_the_older_one_is_first() -> None:
    assert share([batch("a", created_at=2.0), batch("b", created_at=1.0)], 1) == {"b": 1}


def test_nobody_gets_more_than_it_may_have() -> None:
    assert share([batch("a", allowance=1), batch("b")], 6) == {"a": 1, "b": 5}
    assert share([batch("a", allowance=0), batch("b", priority=-5)], 2) == {"b": 2}
    assert share([batch("a", allowance=-2)], 2) == {}


def test_who_waits_for_nothing_gets_nothing() -> None:
    assert share([batch("a", is_waiting=False), batch("b")], 2) == {"b": 2}


def test_the_line_ends_with_the_rank_of_a_batch_that_has_only_suspects_left() -> None:
    first, lower = batch("first", turn=1), batch("lower", priority=-1)
    tried = batch("tried", is_waiting=False, has_suspects=True, turn=2)
    assert [c.batch_id for c in in_line([lower, tried, first])] == ["first", "tried"]


def test_suspects_of_a_batch_wait_for_its_other_jobs() -> None:
    line = in_line([batch("a", has_suspects=True), batch("b", priority=-1)])
    assert [c.batch_id for c in line] == ["a", "b"]


def test_a_small_new_batch_need_not_wait_behind_what_a_large_one_has_ahead() -> None:
    large = batch("large", running=32, dispatched=128)
    assert is_out_of_order([large, batch("small", turn=9)])


def test_a_higher_priority_need_not_wait_behind_a_lower_one() -> None:
    low = batch("low", running=4, dispatched=1)
    assert is_out_of_order([low, batch("high", priority=1)])
    assert not is_out_of_order([low, batch("lower", priority=-1)])


def test_what_has_been_claimed_is_nobodys_any_more() -> None:
    assert not is_out_of_order([batch("low", running=5), batch("high", priority=9)])


def test_one_of_many_equals_waits_for_its_turn() -> None:
    served = [batch(f"b{i}", running=1) for i in range(4)]
    next_one = batch("next", dispatched=1, turn=5)
    assert not is_out_of_order([*served, next_one, batch("waiting", turn=1)])


def test_a_few_jobs_more_or_less_are_no_reason() -> None:
    one, two = batch("one", running=4, dispatched=50), batch("two", running=4, dispatched=40)
    assert not is_out_of_order([one, two])


def test_more_than_it_may_have_in_flight_is_a_reason() -> None:
    assert is_out_of_order([batch("a", running=1, dispatched=3, allowance=-1)])
    assert not is_out_of_order([batch("a", running=4, allowance=-1)])


def test_a_batch_at_its_limit_waits_for_itself_only() -> None:
    bound = batch("bound", priority=1, running=2, allowance=0)
    assert not is_out_of_order([bound, batch("other", dispatched=9)])


contenders = st.lists(
    st.builds(
        Contender,
        batch_id=st.uuids().map(str),
        priority=st.integers(-2, 2),
        is_urgent=st.booleans(),
        dispatched=st.integers(0, 40),
        running=st.integers(0, 10),
        allowance=st.none() | st.integers(-3, 30),
        is_waiting=st.booleans(),
        has_suspects=st.booleans(),
        turn=st.integers(0, 5),
    ),
    max_size=12,
    unique_by=lambda c: c.batch_id,
)


@given(contenders, st.integers(-5, 200))
def test_all_the_room_is_used_and_no_more_and_nobody_is_given_what_he_may_not_have(
    everybody: list[Contender], room: int
) -> None:
    by_id = {c.batch_id: c for c in everybody}
    shares = share(everybody, room)
    assert all(jobs > 0 and by_id[batch_id].is_waiting for batch_id, jobs in shares.items())
    for batch_id, jobs in shares.items():
        allowance = by_id[batch_id].allowance
        assert allowance is None or jobs <= allowance
    able = [c for c in everybody if c.is_waiting and not c.is_full]
    most = sum(room if c.allowance is None else c.allowance for c in able)
    assert sum(shares.values()) == max(0, min(room, most))


@given(contenders, st.integers(1, 200))
def test_nobody_is_served_while_one_of_a_better_rank_or_with_less_in_flight_could_be(
    everybody: list[Contender], room: int
) -> None:
    shares = share(everybody, room)
    after = [c.served(shares.get(c.batch_id, 0), shares.get(c.batch_id, 0)) for c in everybody]
    unsatisfied = [c for c in after if c.is_waiting and not c.is_full]
    for served in (c for c in after if c.batch_id in shares):
        for other in unsatisfied:
            rank = (-other.priority, not other.is_urgent)
            mine = (-served.priority, not served.is_urgent)
            assert mine <= rank
            assert mine < rank or served.in_flight <= other.in_flight + 1


def test_what_one_may_not_have_goes_to_his_equals_not_to_those_below_him() -> None:
    limited = Contender(batch_id="limited", priority=1, allowance=1)
    busy = Contender(batch_id="busy", priority=1, running=3)
    lower = Contender(batch_id="lower")

    assert share([limited, busy, lower], 2) == {"limited": 1, "busy": 1}


@given(contenders)
def test_what_was_just_handed_out_in_order_is_in_order(everybody: list[Contender]) -> None:
    """Taking back and handing out anew comes to an end: the second time nothing is to be gained."""
    started = [
        Contender(
            batch_id=c.batch_id,
            priority=c.priority,
            is_urgent=c.is_urgent,
            running=c.running,
            turn=c.turn,
            is_waiting=c.is_waiting,
        )
        for c in everybody
    ]
    shares = share(started, 60)
    handed = [c.served(shares.get(c.batch_id, 0), shares.get(c.batch_id, 0)) for c in started]
    assert not is_out_of_order(handed)
