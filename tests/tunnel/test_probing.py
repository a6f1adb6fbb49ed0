"""What counts as an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.settings_tunnel import ProbeKind
from tunnel.probing import is_answer

ANSWERS: list[tuple[ProbeKind, bytes]] = [
    ("redis", b"+PONG\r\n"),
    ("redis", b"-NOAUTH Authentication required.\r\n"),
    ("redis", b"-ERR unknown command\r\n"),
    ("postgres", b"S"),
    ("postgres", b"N"),
    ("http", b"HTTP/1.1 200 OK\r\n"),
    ("http", b"HTTP/1.0 404 Not Found\r\n"),
]


@pytest.mark.parametrize(("kind", "said"), ANSWERS)
def test_these_are_answers(kind: ProbeKind, said: bytes) -> None:
    assert is_answer(kind, said) is True


@pytest.mark.parametrize(
    ("kind", "said"),
    [("redis", b"HTTP/1.1"), ("postgres", b"EFATAL"), ("http", b"+PONG"), ("redis", b"+PINK")],
)
def test_these_are_another_service_s(kind: ProbeKind, said: bytes) -> None:
    assert is_answer(kind, said) is False


@given(st.sampled_from(ANSWERS), st.integers(0, 40))
def test_the_beginning_of_an_answer_is_never_a_no(
    answer: tuple[ProbeKind, bytes], size: int
) -> None:
    kind, said = answer

    assert is_answer(kind, said[:size]) is not False


@pytest.mark.parametrize("kind", ["redis", "postgres", "http"])
def test_nothing_decides_nothing(kind: ProbeKind) -> None:
    assert is_answer(kind, b"") is None
