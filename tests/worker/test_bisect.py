"""Groups in which some values cannot be stored: only those fail, all others are written once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model import Hint, Outcome
from jobs.states import JobState
from jobs.store.errors import DataFault
from jobs.store.running import Beat
from tests.worker.world import claimed
from worker.bisect import write_all
from worker.outcomes import Identity, handed_back
from worker.work import Work, Written

WHO = Identity(session="s", host="here", pool="fake")
NOTHING_LOST = Beat(lost=(), epochs={})


class Database:
    """Refuses a piece of work with a bad value in it, as a whole."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.recorded: list[tuple[str, JobState]] = []
        self.claimed: list[str] = []
        self.beats = 0

    def write(self, work: Work) -> Written:
        assert work.size > 0
        values = [o.job_id for o in work.outcomes if o.state is not JobState.FAILED]
        values += [hint.job_id for hint in work.hints]
        if self.bad & set(values):
            raise DataFault("a value")
        self.recorded += [(outcome.job_id, outcome.state) for outcome in work.outcomes]
        self.claimed += [hint.job_id for hint in work.hints]
        self.beats += work.is_beat
        return Written(
            taken=frozenset(outcome.job_id for outcome in work.outcomes),
            claimed={hint.job_id: claimed(hint.job_id) for hint in work.hints},
            beat=NOTHING_LOST if work.is_beat else None,
        )


def outcome(job_id: str) -> Outcome:
    return handed_back(WHO, claimed(job_id))


@given(
    ends=st.lists(st.booleans(), max_size=9),
    hints=st.lists(st.booleans(), max_size=9),
    is_beat=st.booleans(),
)
def test_only_what_is_at_fault_fails(ends: list[bool], hints: list[bool], is_beat: bool) -> None:
    ended = {f"e{i}": is_good for i, is_good in enumerate(ends)}
    hinted = {f"h{i}": is_good for i, is_good in enumerate(hints)}
    work = Work(
        outcomes=tuple(outcome(job_id) for job_id in ended),
        hints=tuple(Hint(job_id, 1) for job_id in hinted),
        is_beat=is_beat,
    )
    if not work.size:
        return
    database = Database({job_id for job_id, is_good in (ended | hinted).items() if not is_good})

    written = write_all(work, database.write)

    assert database.recorded == [
        (job_id, JobState.PENDING if is_good else JobState.FAILED)
        for job_id, is_good in ended.items()
    ]
    assert database.claimed == [job_id for job_id, is_good in hinted.items() if is_good]
    assert database.beats == is_beat
    assert written.taken == set(ended)
    assert list(written.claimed) == database.claimed
    assert written.beat == (NOTHING_LOST if is_beat else None)


def test_a_fault_in_the_heartbeat_itself_is_not_hidden() -> None:
    def refuse(_: Work) -> Written:
        raise DataFault("a value")

    with pytest.raises(DataFault):
        write_all(Work(is_beat=True), refuse)
