"""The herald tells each way once, goes on trying those that fail, and delays nobody."""

import threading
from collections.abc import Iterator

import pytest

from jobs.settings_notify import NotifySettings
from jobs.store import actions
from jobs.store.store import Store
from nightmill.notifying import herald
from nightmill.notifying.herald import Herald
from nightmill.notifying.message import Message, NotSentError
from tests.jobs.store.desk import Desk, line, outcome
from tests.waiting import eventually


class Ears:
    """A way that keeps what it was told, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.told: list[Message] = []

    def send(self, message: Message) -> None:
        if self.failures:
            self.failures -= 1
            raise NotSentError("it has a cold")
        self.told.append(message)


@pytest.fixture
def desk(sqlite_store: Store) -> Desk:
    return Desk(sqlite_store)


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> dict[str, Ears]:
    ways = {"webhook": Ears(), "command": Ears()}
    monkeypatch.setattr(herald, "ways_of", lambda _settings: ways)
    monkeypatch.setattr(herald, "LOOK_EVERY_S", 0.01)
    return ways


@pytest.fixture
def heralds() -> Iterator[list[Herald]]:
    started: list[Herald] = []
    yield started
    for each in started:
        each.stop(within_s=10)


def begin(heralds: list[Herald], desk: Desk, *, leads: bool = True, **settings: object) -> None:
    it = Herald(desk.store, NotifySettings(**settings), lambda: leads)
    it.start()
    heralds.append(it)


def finish(desk: Desk) -> None:
    desk.record(*map(outcome, desk.take()))
    desk.finalize()


def waiting(desk: Desk) -> int:
    ((number,),) = desk.ask("SELECT count(*) FROM notices")
    return int(number)


def test_each_way_is_told_once(desk: Desk, ears: dict[str, Ears], heralds: list[Herald]) -> None:
    begin(heralds, desk)
    desk.batch(line(1), notify=True)
    finish(desk)

    eventually(lambda: waiting(desk) == 0, "all to be told")

    for way in ears.values():
        assert [(m.batch, m.event, m.succeeded) for m in way.told] == [("b-1", "completed", 1)]


def test_a_way_that_fails_is_tried_again_and_the_others_hear_nothing_twice(
    desk: Desk,
    ears: dict[str, Ears],
    heralds: list[Herald],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(herald, "PAUSES_S", (0.0, 0.0, 0.0))
    ears["webhook"].failures = 2
    begin(heralds, desk)
    desk.batch(line(1), notify=True)
    finish(desk)

    eventually(lambda: waiting(desk) == 0, "all to be told")

    assert [len(way.told) for way in ears.values()] == [1, 1]
    with desk.store.read() as c:
        assert actions.of_batch(c, "b-1") == []


def test_a_dead_receiver_delays_others_by_one_message_at_a_time(
    desk: Desk,
    ears: dict[str, Ears],
    heralds: list[Herald],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[str, str]] = []

    def hear(message: Message) -> None:
        tried.append(("command", message.batch))

    def fail(message: Message) -> None:
        tried.append(("webhook", message.batch))
        raise NotSentError("it has a cold")

    monkeypatch.setattr(ears["command"], "send", hear)
    monkeypatch.setattr(ears["webhook"], "send", fail)
    for batch_id in ("b-1", "b-2"):
        desk.batch(line(1), batch_id=batch_id, notify=True)
    finish(desk)
    begin(heralds, desk)

    eventually(lambda: len(tried) == 4, "all to be tried")

    told_first = [("webhook", "b-1"), ("command", "b-1"), ("command", "b-2")]
    assert tried == [*told_first, ("webhook", "b-2")]


def test_a_way_that_never_hears_is_given_up(
    desk: Desk,
    ears: dict[str, Ears],
    heralds: list[Herald],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(herald, "PAUSES_S", (0.0,))
    ears["webhook"].failures = 100
    begin(heralds, desk)
    desk.batch(line(1), notify=True)
    finish(desk)

    eventually(lambda: waiting(desk) == 0, "all to be told")

    assert (ears["webhook"].failures, len(ears["command"].told)) == (98, 1)
    assert "Batch b-1 is completed, and nobody was told by webhook: it has a cold." in caplog.text
    with desk.store.read() as c:
        (given_up,) = actions.of_batch(c, "b-1")
    assert (given_up.who, given_up.verb) == (actions.BY_ITSELF, "not_told")
    assert given_up.detail == {"of": "completed", "by": "webhook", "because": "it has a cold"}


def test_a_way_that_breaks_ends_no_telling_and_shows_no_key(
    desk: Desk,
    ears: dict[str, Ears],
    heralds: list[Herald],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(_message: Message) -> None:
        raise ValueError("Invalid header value b'Bearer s3cret'")

    monkeypatch.setattr(herald, "PAUSES_S", ())
    monkeypatch.setattr(ears["webhook"], "send", refuse)
    begin(heralds, desk)
    desk.batch(line(1), notify=True)
    finish(desk)

    eventually(lambda: waiting(desk) == 0, "all to be told")

    assert len(ears["command"].told) == 1
    assert "nobody was told by webhook: it failed with ValueError." in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("wanted", "settings", "told"),
    [
        (False, {}, 0),
        (False, {"always": True}, 1),
        (True, {"on": ("paused",)}, 0),
        (True, {"on": ("completed",)}, 1),
    ],
)
def test_only_what_somebody_wants_to_hear_is_told(
    desk: Desk,
    ears: dict[str, Ears],
    heralds: list[Herald],
    *,
    wanted: bool,
    settings: dict[str, object],
    told: int,
) -> None:
    begin(heralds, desk, **settings)
    desk.batch(line(1), notify=wanted)
    finish(desk)

    eventually(lambda: waiting(desk) == 0, "all to be told")

    assert len(ears["webhook"].told) == told


def test_who_does_not_lead_tells_nothing(
    desk: Desk, ears: dict[str, Ears], heralds: list[Herald]
) -> None:
    begin(heralds, desk, leads=False)
    desk.batch(line(1), notify=True)
    finish(desk)
    heralds.pop().stop(within_s=10)

    assert (waiting(desk), ears["webhook"].told) == (1, [])


def test_the_end_of_a_batch_is_told_even_when_the_process_ends_with_it(
    desk: Desk, ears: dict[str, Ears]
) -> None:
    it = Herald(desk.store, NotifySettings(), lambda: True)
    it.start()
    desk.batch(line(1), notify=True)
    finish(desk)

    it.stop(within_s=10)

    assert len(ears["webhook"].told) == 1


def test_a_dead_receiver_does_not_hold_up_the_end(
    desk: Desk, ears: dict[str, Ears], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hang(_message: Message) -> None:
        asked.set()
        answer.wait(30)

    monkeypatch.setattr(ears["webhook"], "send", hang)
    it = Herald(desk.store, NotifySettings(), lambda: True)
    it.start()
    desk.batch(line(1), notify=True)
    finish(desk)
    assert asked.wait(10)

    it.stop(within_s=0.05)

    assert not answer.is_set()
    answer.set()
    it.stop(within_s=10)
