import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.storable import storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("a\0b", "a\ufffdb"),
        ("half \ud83d a pair", "half \ufffd a pair"),
        ("other half \ude00", "other half \ufffd"),
        ("both halves \ud83d\ude00", "both halves \U0001f600"),
        ("ünïcode \U0001f600 stays", "ünïcode \U0001f600 stays"),
        ("", ""),
    ],
)
def test_what_no_database_takes_becomes_a_replacement_character(text: str, stored: str) -> None:
    assert storable(text) == stored


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_can_be_stored_afterwards(text: str) -> None:
    stored = storable(text)

    assert "\0" not in stored
    assert stored.encode().decode() == stored
    assert storable(stored) == stored


def test_text_that_is_in_order_is_not_copied() -> None:
    text = "in order ü"

    assert storable(text) is text
