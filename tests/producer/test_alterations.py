"""What the same command, given again with other words, changes of its batch."""

from typing import Any

import msgspec
import pytest

from producer.alterations import alterations
from tests.nightmill.samples import BATCH

SEVEN = 1_795_590_000.0


@pytest.mark.parametrize(
    ("before", "after", "altered"),
    [
        ({}, {}, {}),
        ({}, {"name": "night", "priority": 5}, {"name": "night", "priority": 5}),
        ({"max_running": 4}, {"max_running": None}, {"max_running": None}),
        ({}, {"max_failures": 1.0}, {"max_failures": 1.0}),
        ({}, {"deadline": SEVEN + 0.4}, {"deadline": SEVEN}),
        ({"deadline": SEVEN}, {"deadline": None}, {"deadline": None}),
        # Seven o'clock, said again a moment later.
        ({"deadline": SEVEN}, {"deadline": SEVEN + 2}, {}),
        ({}, {"notify": True}, {"notify": "yes"}),
        ({"notify": True}, {"notify": True}, {}),
    ],
)
def test_only_what_is_otherwise_than_before_is_altered(
    before: dict[str, Any], after: dict[str, Any], altered: dict[str, Any]
) -> None:
    one, other = (msgspec.structs.replace(BATCH, **values) for values in (before, before | after))
    assert alterations(one, other) == altered
