"""A batch from its making to its deletion."""

from collections.abc import Callable

import msgspec
import pytest

from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError, UsageError
from jobs.model import Counts
from jobs.states import JobState
from jobs.store import batches, ingest
from tests.jobs.store.desk import Desk, bad_line, line, new_batch, outcome


def test_a_new_batch_is_what_was_given(desk: Desk) -> None:
    new = new_batch(
        priority=3,
        data_class="local",
        options={"prompt": "Say {x}", "seed": None},
        max_running=5,
        deadline_in_s=60.0,
        notify=True,
    )
    with desk.store.write() as c:
        made = batches.create(c, "b-1", new)
    with desk.store.read() as c:
        found = batches.get(c, "b-1")
    assert found == made
    for field in set(new.__struct_fields__) - {"deadline_in_s"}:
        assert getattr(found, field) == getattr(new, field)
    assert found.deadline == pytest.approx(found.created_at + 60, abs=1)
    assert (found.state, found.revision, found.source_hash) == ("ingesting", 1, "")
    assert (found.finished_at, found.jobs_per_s) == (None, 0)


def test_a_batch_is_found_by_what_makes_it_the_same_run(desk: Desk) -> None:
    desk.batch(run_key="results.jsonl")
    with desk.store.read() as c:
        found = batches.find(c, "results.jsonl")
        assert found is not None
        assert found.id == "b-1"
        assert batches.find(c, "other.jsonl") is None


def test_a_run_that_somebody_else_has_just_begun_is_not_made_twice(desk: Desk) -> None:
    desk.batch(run_key="results.jsonl")
    with pytest.raises(StoppedEarlyError, match="started elsewhere"), desk.store.write() as c:
        batches.create(c, "b-2", new_batch("results.jsonl"))


def test_the_beginning_of_an_id_will_do_when_there_is_one(desk: Desk) -> None:
    desk.batch(batch_id="b-aa1")
    desk.batch(batch_id="b-ab1")
    with desk.store.read() as c:
        assert batches.get(c, "b-aa").id == "b-aa1"
        with pytest.raises(UsageError, match="More than one batch answers to `b-a`"):
            batches.get(c, "b-a")
        for unknown in ("b-b", "aa1", "", "b-aa1x", "%"):
            with pytest.raises(UsageError, match=f"There is no batch `{unknown}`"):
                batches.get(c, unknown)


def test_a_batch_is_found_by_its_name_unless_two_share_it(desk: Desk) -> None:
    with desk.store.write() as c:
        for batch_id, name in (("b-1", "night"), ("b-2", "day"), ("b-3", "day")):
            named = msgspec.structs.replace(new_batch(batch_id), name=name)
            batches.create(c, batch_id, named)
    with desk.store.read() as c:
        assert batches.get(c, "night").id == "b-1"
        with pytest.raises(UsageError, match="More than one batch answers to `day`: b-3, b-2"):
            batches.get(c, "day")


def test_of_very_many_batches_with_a_name_a_few_are_listed(desk: Desk) -> None:
    for number in range(batches.MOST_NAMED + 1):
        desk.batch(line(1), batch_id=f"b-{number}")
    with desk.store.read() as c, pytest.raises(UsageError, match="b-5, b-4, b-3, b-2, b-1 and"):
        batches.get(c, "tickets")


@pytest.mark.parametrize("name", ["night", "b-0"])
def test_a_name_that_another_batch_answers_to_is_taken(desk: Desk, name: str) -> None:
    desk.batch(batch_id="b-01", name="night")
    desk.batch(batch_id="b-1")
    with desk.store.write() as c:
        for taken_by_another in (
            lambda: batches.refuse_taken(c, name),
            lambda: batches.rename(c, "b-1", name),
        ):
            with pytest.raises(UsageError, match=f"b-01 answers .* `{name}` already.* delete b-01"):
                taken_by_another()
        batches.rename(c, "b-1", "day")
        batches.refuse_taken(c, "night", "b-01")
        assert batches.get(c, "day").id == "b-1"


def test_the_newest_batches_come_first(desk: Desk) -> None:
    for name in ("b-1", "b-2", "b-3"):
        desk.batch(batch_id=name)
    with desk.store.read() as c:
        assert [batch.id for batch in batches.newest(c, 2)] == ["b-3", "b-2"]
        assert list(batches.open_places(c)) == ["b-1", "b-2", "b-3"]


def test_counts_of_a_batch_that_is_not_there_are_zero(desk: Desk) -> None:
    assert desk.counts("b-nobody") == Counts()


def test_failures_are_grouped_by_code(desk: Desk) -> None:
    desk.batch(*(line(i) for i in range(1, 5)), bad_line(5))
    jobs = desk.take()
    desk.record(
        outcome(jobs[0]),
        outcome(jobs[1], JobState.FAILED, error_message="x"),
        outcome(jobs[2], JobState.FAILED, error_message="x"),
        outcome(jobs[3], JobState.PENDING),
    )
    with desk.store.read() as c:
        assert batches.failures(c, "b-1") == [
            ("refused", 2, 2, "x"),
            ("invalid_json", 1, 5, "No JSON."),
        ]


def test_who_ran_names_host_and_model_of_what_succeeded(desk: Desk) -> None:
    desk.batch()
    jobs = desk.take(4)
    desk.record(
        outcome(jobs[0]),
        outcome(jobs[1]),
        outcome(jobs[2], host="mini"),
        outcome(jobs[3], JobState.FAILED),
    )
    with desk.store.read() as c:
        assert batches.who_ran(c, "b-1") == [("studio", "demo", 2), ("mini", "demo", 1)]


def test_cancelling_ends_every_unfinished_job(desk: Desk) -> None:
    desk.batch()
    done, *_ = desk.take(2)
    desk.record(outcome(done))
    desk.dispatch(2)
    assert desk.cancel() == 9
    assert desk.batch_state() == "cancelled"
    assert list(desk.states().values()) == ["succeeded"] + ["cancelled"] * 9
    assert {row.error_code for row in desk.page()[1:]} == {ErrorCode.CANCELLED}
    assert desk.counted() == desk.recount()


def test_cancelling_twice_changes_nothing(desk: Desk) -> None:
    desk.batch()
    desk.cancel()
    assert desk.cancel() == 0
    assert desk.counted() == desk.recount()


def test_a_completed_batch_is_not_cancelled(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job))
    desk.finalize()
    assert desk.cancel() == 0
    assert desk.batch_state() == "completed"


def test_a_batch_cancelled_while_it_is_read_in_takes_no_more_rows(desk: Desk) -> None:
    with desk.store.write() as c:
        batches.create(c, "b-1", new_batch())
        ingest.add(c, "b-1", 1, [line(1)])
    desk.cancel()
    with pytest.raises(StoppedEarlyError, match="was cancelled"), desk.store.write() as c:
        ingest.add(c, "b-1", 1, [line(2)])
    with pytest.raises(StoppedEarlyError, match="was cancelled"), desk.store.write() as c:
        batches.finish_ingest(c, "b-1", "hash")
    assert desk.states() == {1: "cancelled"}


def test_resuming_runs_what_was_cancelled_again(desk: Desk) -> None:
    desk.batch()
    (done, *_) = desk.take(2)
    desk.record(outcome(done))
    desk.cancel()
    desk.resume()
    assert desk.batch_state() == "open"
    assert list(desk.states().values()) == ["succeeded"] + ["pending"] * 9
    assert desk.ask("SELECT DISTINCT run FROM jobs WHERE state = 'pending'") == [(2,)]
    assert desk.ask("SELECT count(*) FROM results WHERE state = 'cancelled'") == [(9,)]
    assert desk.counted() == desk.recount()


def test_resuming_a_completed_batch_leaves_it_completed(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    jobs = desk.take()
    desk.record(outcome(jobs[0]), outcome(jobs[1], JobState.FAILED))
    desk.finalize()
    desk.resume()
    assert desk.batch_state() == "completed"


def test_a_batch_cancelled_after_its_last_job_is_completed_when_resumed(desk: Desk) -> None:
    desk.batch(line(1))
    (job,) = desk.take()
    desk.record(outcome(job))
    desk.cancel()
    desk.resume()
    assert desk.finalize() == ["b-1"]


def test_deleting_leaves_nothing_of_a_batch_and_all_of_the_others(desk: Desk) -> None:
    for name in ("b-1", "b-2"):
        desk.batch(line(1), bad_line(2), batch_id=name)
    jobs = desk.take()
    desk.record(*(outcome(job) for job in jobs))
    with desk.store.write() as c:
        batches.delete(c, "b-1")
    for table in ("batches", "jobs", "requests", "results", "attempts", "counters"):
        assert desk.ask(f"SELECT count(*) > 0 FROM {table}")[0][0]  # noqa: S608  (a constant)
    assert desk.ask("SELECT DISTINCT batch_id FROM jobs") == [("b-2",)]
    assert desk.ask("SELECT count(*) FROM requests") == [(2,)]
    assert desk.ask("SELECT count(*) FROM results") == [(2,)]
    assert desk.ask("SELECT count(*) FROM attempts") == [(1,)]
    assert desk.counts("b-1") == Counts()


@pytest.mark.parametrize("verb", [Desk.cancel, Desk.resume])
def test_a_batch_that_is_gone_is_wrong_use(desk: Desk, verb: Callable[[Desk, str], None]) -> None:
    with pytest.raises(UsageError, match="There is no batch"):
        verb(desk, "b-gone")


def test_the_pools_of_what_is_unfinished_are_known(desk: Desk) -> None:
    desk.batch(line(1), line(2, pool="ollama"), line(3, pool="ollama"), line(4, pool="cloud"))
    desk.batch(line(1, pool="other"), batch_id="b-2")

    def pools() -> tuple[str, ...]:
        with desk.store.read() as c:
            return batches.pools_of_unfinished(c, "b-1")

    assert pools() == ("cloud", "mlx", "ollama")
    (job,) = desk.claim(desk.dispatch(1, "cloud"))
    assert pools() == ("cloud", "mlx", "ollama")
    desk.record(outcome(job))
    assert pools() == ("mlx", "ollama")


def test_the_models_of_what_is_unfinished_are_known_by_the_first_and_the_last(desk: Desk) -> None:
    size = 2 * batches.MOST_LOOKED_AT
    named = {1: "first", size: "last", size // 2 + 1: "hidden"}
    desk.batch(*(line(i, model=named.get(i, "demo")) for i in range(1, size + 2)))

    def models() -> tuple[str, ...]:
        with desk.store.read() as c:
            return batches.models_of_unfinished(c, "b-1")

    assert models() == ("demo", "first", "last")
    (job,) = desk.take(1)
    assert models() == ("demo", "first", "hidden", "last")
    desk.record(outcome(job))
    assert models() == ("demo", "hidden", "last")
    desk.cancel()
    assert models() == ()


def test_the_hosts_that_were_given_prompts_are_known_whatever_came_of_them(desk: Desk) -> None:
    desk.batch(line(1), line(2))
    first, second = desk.take(2)
    desk.record(outcome(first, JobState.FAILED), outcome(second))
    with desk.store.read() as c:
        assert batches.who_tried(c, "b-1") == [outcome(first).host]
        assert batches.who_tried(c, "b-none") == []
