"""Whether a disk has room for what is left, decided by numbers alone."""

import pytest

from jobs.room import (
    BESIDE_ANSWER,
    TIMES,
    TOKEN_BYTES,
    UNKNOWN_ANSWER,
    Room,
    expected_bytes,
    warning,
)
from jobs.sizes import parse_size

MB = 1_000_000


def test_answers_to_come_are_judged_by_those_there_are() -> None:
    assert expected_bytes(10, 0, 0) == TIMES * 10 * UNKNOWN_ANSWER
    assert expected_bytes(10, 100, 5_000) == TIMES * 10 * (BESIDE_ANSWER + 50 * TOKEN_BYTES)
    assert expected_bytes(0, 100, 5_000) == 0


def test_it_warns_before_it_stops_and_stops_before_it_is_full() -> None:
    roomy = Room(free=800 * MB, min_free=500 * MB, expected=300 * MB)
    tight = Room(free=800 * MB, min_free=500 * MB, expected=301 * MB)
    out = Room(free=499 * MB, min_free=500 * MB)

    assert warning(roomy, "here") is None
    assert not tight.is_out
    assert "Free some in time" in (warning(tight, "here") or "")
    assert out.is_out
    assert "no more rows are begun" in (warning(out, "here") or "")


def test_where_only_the_server_knows_nothing_is_said() -> None:
    unknown = Room(free=None, min_free=500 * MB, expected=900 * MB)

    assert not unknown.is_out
    assert warning(unknown, "here") is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("500 MB", 500 * MB), ("2gb", 2000 * MB), ("1.5 KB", 1500), ("0", 0), ("7 bytes", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1 GB", "1 XB", "1e9", "True"])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as"):
        parse_size(text)
