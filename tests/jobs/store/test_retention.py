"""Old batches go, unless somebody has opened one meanwhile."""

import pytest

from jobs.store import retention
from tests.jobs.store.desk import Desk, line


def test_a_batch_that_was_opened_again_a_moment_ago_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.batch(line(1))
    desk.cancel()
    with desk.store.read() as c:
        seen = retention.ended_before(c, -60)
    desk.resume()
    # As where it was opened while the look was under way.
    monkeypatch.setattr(retention, "ended_before", lambda *_: seen)

    with desk.store.write() as c:
        assert retention.hide(c, -60) == []

    assert (len(seen), desk.batch_state()) == (1, "open")
