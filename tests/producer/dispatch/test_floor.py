"""Nothing more is handed out before the store's disk is full, and then again."""

import pytest

from jobs.store.store import Store
from producer.dispatcher import Dispatcher
from tests.producer.dispatch.scene import Clock, Outbox, Work


def test_nothing_is_handed_out_below_the_floor_and_it_goes_on_by_itself(
    work: Work,
    outbox: Outbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="producer.floor")
    free = 999
    monkeypatch.setattr(Store, "free_bytes", lambda _self: free)
    dispatcher = Dispatcher(work.store, outbox, clock, min_free=1000)  # type: ignore[arg-type]
    work.host(4)
    batch_id = work.batch(3)

    dispatcher.step()
    dispatcher.step()
    assert work.states(batch_id) == {"pending": 3}
    free = 1000
    dispatcher.step()

    assert work.states(batch_id) == {"dispatched": 3}
    said = [vars(record).get("action") for record in caplog.records]
    assert said == ["no_room", "room_again"]
