import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import ids

MAX_MS = 2**48 - 1
TIMES = st.integers(min_value=0, max_value=MAX_MS)


@given(TIMES)
def test_an_id_is_a_uuid_of_version_7(now_ms: int) -> None:
    (made,) = ids.job_ids(1, now_ms)
    value = uuid.UUID(made[2:])
    assert f"j-{value}" == made
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == now_ms


@given(TIMES, TIMES)
def test_ids_sort_by_time(one: int, other: int) -> None:
    early, late = sorted((one, other))
    if early < late:
        assert ids.job_ids(3, early)[-1] < ids.job_ids(3, late)[0]


@given(st.integers(min_value=0, max_value=300), TIMES)
def test_the_ids_of_one_call_ascend(count: int, now_ms: int) -> None:
    made = ids.job_ids(count, now_ms)
    assert len(made) == count
    assert made == sorted(set(made))
    for each in made:
        assert each.startswith("j-")
        assert uuid.UUID(each[2:]).version == 7
        assert uuid.UUID(each[2:]).int >> 80 == now_ms


def test_counting_up_does_not_reach_into_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda count: b"\xff" * count)
    made = ids.job_ids(1000, now_ms=5)
    assert made == sorted(made)
    assert {uuid.UUID(each[2:]).int >> 80 for each in made} == {5}


def test_ids_made_at_once_by_many_threads_are_unique() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [each for some in threads.map(ids.job_ids, [500] * 16) for each in some]
    assert len(set(made)) == 8000


def test_batches_have_a_prefix_of_their_own() -> None:
    one, other = ids.batch_id(), ids.batch_id()
    assert one != other
    assert one.startswith("b-")
    assert uuid.UUID(one[2:]).version == 7
