"""Whatever is done in whatever order: only allowed moves, one record a run, counts that agree."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.model import Claimed, Hint
from jobs.states import JOB_MOVES, TERMINAL, JobState
from jobs.store import counters, dispatch
from tests.jobs.store.desk import Desk, bad_line, hints_of, line, outcome

ROWS = 6


class World:
    """A store and two sessions that remember everything they ever held."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.hints: list[Hint] = []
        self.held: list[tuple[str, Claimed]] = []
        desk.batch(*(line(i) for i in range(1, ROWS + 1)))

    def do_dispatch(self, pick: int) -> None:
        self.hints += self.desk.dispatch(pick % 4)

    def do_claim(self, pick: int) -> None:
        self.hold(f"s{pick % 2}", self.hints[-3:])

    def do_claim_what_is_old(self, pick: int) -> None:
        self.hold(f"s{pick % 2}", self.hints[: pick % 4])

    def do_beat(self, pick: int) -> None:
        session = f"s{pick % 2}"
        mine = [job for owner, job in self.held if owner == session]
        self.desk.beat(*dict.fromkeys(hints_of(mine[-3:])), session=session)

    def do_succeed(self, pick: int) -> None:
        self.end(pick, JobState.SUCCEEDED, finish_reason="length")

    def do_fail(self, pick: int) -> None:
        self.end(pick, JobState.FAILED)

    def do_try_again(self, pick: int) -> None:
        self.end(pick, JobState.PENDING, counted_errors=1)

    def do_report_all_late(self, pick: int) -> None:
        for which in range(len(self.held)):
            self.end(which, JobState.SUCCEEDED)

    def do_reap(self, pick: int) -> None:
        self.desk.do("UPDATE jobs SET lease_until = lease_until - 100 WHERE line < 4")
        self.desk.reap()

    def do_release(self, pick: int) -> None:
        self.desk.release(f"s{pick % 2}", max_crashes=2)

    def do_recall(self, pick: int) -> None:
        with self.desk.store.write() as c:
            dispatch.recall_dispatched(c, "mlx")

    def do_cancel(self, pick: int) -> None:
        self.desk.cancel()

    def do_resume(self, pick: int) -> None:
        self.desk.resume()

    def do_retry(self, pick: int) -> None:
        self.desk.retry()

    def do_finalize(self, pick: int) -> None:
        self.desk.finalize()

    def do_fold(self, pick: int) -> None:
        with self.desk.store.write() as c:
            counters.fold(c)

    def do_shrink(self, pick: int) -> None:
        self.desk.reread(*(line(i) for i in range(1, ROWS - pick % 3)))

    def do_grow(self, pick: int) -> None:
        self.desk.reread(*(line(i) for i in range(1, ROWS + 2)), line(99, "row-1"), bad_line(100))

    def do_change(self, pick: int) -> None:
        bodies = ["{}" if i % 2 else str(pick) for i in range(ROWS)]
        self.desk.reread(*(line(i, body=body) for i, body in enumerate(bodies, start=1)))

    def hold(self, session: str, hints: list[Hint]) -> None:
        self.held += [(session, job) for job in self.desk.claim(hints, session)]

    def end(self, pick: int, state: JobState, **how: object) -> None:
        if self.held:
            session, job = self.held[pick % len(self.held)]
            self.desk.record(outcome(job, state, session=session, **how))

    @contextmanager
    def watched(self) -> Iterator[None]:
        before = self.jobs()
        yield
        for job_id, (state, run, epoch) in self.jobs().items():
            if job_id in before:
                old_state, old_run, old_epoch = before[job_id]
                assert run >= old_run
                assert epoch >= old_epoch
                assert run > old_run or state == old_state or reaches(old_state, state)
        assert self.desk.counted() == self.desk.recount()
        assert self.desk.ask(ENDED_WITHOUT_RECORD) == []
        assert self.desk.ask(RECORD_WITHOUT_END) == []

    def jobs(self) -> dict[str, tuple[JobState, int, int]]:
        rows = self.desk.ask("SELECT id, state, run, epoch FROM jobs")
        return {job_id: (JobState(state), run, epoch) for job_id, state, run, epoch in rows}


ENDED_WITHOUT_RECORD = """
SELECT j.id FROM jobs AS j LEFT JOIN results AS r
    ON r.job_id = j.id AND r.run = j.run AND r.state = j.state
WHERE j.state IN ('succeeded', 'failed', 'cancelled') AND r.job_id IS NULL
"""
RECORD_WITHOUT_END = """
SELECT j.id FROM jobs AS j JOIN results AS r ON r.job_id = j.id AND r.run = j.run
WHERE j.state IN ('pending', 'dispatched', 'running')
"""


def reaches(old: JobState, new: JobState) -> bool:
    """Whether a step may lead there: dispatching and claiming may come together in a heartbeat."""
    return new in JOB_MOVES[old] or (old is JobState.PENDING and new is JobState.RUNNING)


WORDS = sorted(name for name in vars(World) if name.startswith("do_"))


def test_terminal_states_are_left_by_a_new_run_only() -> None:
    assert not any(reaches(state, other) for state in TERMINAL for other in TERMINAL)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 11)), max_size=40))
def test_any_order_of_verbs_keeps_the_books(desk: Desk, steps: list[tuple[str, int]]) -> None:
    desk.do("DELETE FROM batches")
    for table in ("jobs", "requests", "results", "attempts", "counters"):
        desk.do(f"DELETE FROM {table}")  # noqa: S608  (a constant)
    world = World(desk)
    for word, pick in steps:
        with world.watched():
            getattr(world, word)(pick)
