"""What happens to batches is written down for whoever is to be told, in the same transaction."""

from jobs.states import JobState
from jobs.store import batches, ingest, notices, pauses
from jobs.store.notices import Event, Notice
from tests.jobs.store.desk import Desk, line, outcome


def due(desk: Desk) -> list[Notice]:
    with desk.store.read() as c:
        return notices.due(c)


def finish(desk: Desk) -> None:
    desk.record(*(outcome(job, JobState.SUCCEEDED) for job in desk.take()))
    desk.finalize()


def test_a_batch_that_is_completed_or_paused_is_to_be_told_of(desk: Desk) -> None:
    desk.batch(line(1), notify=True)
    with desk.store.write() as c:
        pauses.pause(c, "b-1", "60 of its last 100 rows failed")
        pauses.go_on(c, "b-1")
    finish(desk)

    first, second = due(desk)

    assert (first.event, second.event) == (Event.PAUSED, Event.COMPLETED)
    assert (first.batch_id, first.is_wanted, first.channel, first.tries) == ("b-1", True, "", 0)


def test_a_notice_is_sent_by_each_way_for_itself(desk: Desk) -> None:
    desk.batch(line(1))
    finish(desk)
    (notice,) = due(desk)
    with desk.store.write() as c:
        notices.give_channels(c, notice, ["webhook", "command"])
        # Another one that leads had the same thought.
        notices.give_channels(c, notice, ["webhook", "command"])

    webhook, command = due(desk)
    with desk.store.write() as c:
        notices.put_off(c, webhook, 60)
        notices.drop(c, command)

    assert (webhook.channel, command.channel) == ("webhook", "command")
    assert due(desk) == []
    assert desk.ask("SELECT channel, tries FROM notices") == [("webhook", 1)]


def test_a_notice_that_was_put_off_is_due_again(desk: Desk) -> None:
    desk.batch(line(1))
    finish(desk)
    (notice,) = due(desk)

    with desk.store.write() as c:
        notices.put_off(c, notice, -1)

    (again,) = due(desk)
    assert (again.id, again.tries) == (notice.id, 1)


def test_nobody_is_told_of_a_batch_that_was_deleted(desk: Desk) -> None:
    desk.batch(line(1))
    finish(desk)

    with desk.store.write() as c:
        batches.delete(c, "b-1")

    assert due(desk) == []
    assert desk.ask("SELECT count(*) FROM notices") == [(0,)]


def test_a_batch_whose_last_row_ends_while_it_is_read_again_is_told_of(desk: Desk) -> None:
    desk.batch(line(1), notify=True)
    (job,) = desk.take()
    with desk.store.write() as c:
        batches.reopen_ingest(c, "b-1")
        ingest.add(c, "b-1", 2, [line(1)])
    desk.record(outcome(job))
    with desk.store.write() as c:
        batches.finish_ingest(c, "b-1", "hash")

    assert desk.batch_state() == "completed"
    assert [notice.event for notice in due(desk)] == [Event.COMPLETED]
