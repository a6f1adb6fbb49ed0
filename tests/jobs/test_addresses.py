import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.utils.url import parse_url
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from jobs.addresses import is_this_machine, masked, parse_address, with_password

#: What a URL is made of, and what has fooled parsers of URLs.
PIECES = st.sampled_from(
    (
        *("localhost", "evil.example", "127.0.0.1", "[::1]", "user", "6379", "ä", "."),
        *(":", "@", "/", "\\", "?", "#", "host=", "&", ",", ";", "[", "]", "%40", "%2F"),
        *(" ", "\t", "\n", "\0"),
    )
)
TAILS = st.lists(PIECES, max_size=8).map("".join)


@given(TAILS)
@example("localhost:@evil.example/x")
@example("user:localhost@evil.example@localhost")
@example("localhost?host=evil.example")
@example("?@localhost")
def test_the_store_connects_to_no_host_that_was_not_judged(tail: str) -> None:
    url = f"postgresql://{tail}"
    with contextlib.suppress(ValueError, ArgumentError):
        hosts = parse_address(url).hosts
        theirs = make_url(url)
        assert {theirs.host} - {None, ""} <= hosts
        in_query = theirs.query.get("host", ())
        for value in (in_query,) if isinstance(in_query, str) else in_query:
            assert {each for each in value.split(",") if each} <= hosts


@given(TAILS)
@example("localhost:@evil.example/x")
@example("localhost#@evil.example")
def test_the_broker_connects_to_no_host_that_was_not_judged(tail: str) -> None:
    url = f"redis://{tail}"
    with contextlib.suppress(ValueError, TypeError):
        hosts = {host.lower() for host in parse_address(url).hosts}
        theirs = parse_url(url)["hostname"]
        assert not theirs or theirs.lower() in hosts


@given(TAILS)
def test_a_url_that_names_nothing_is_not_local(tail: str) -> None:
    with contextlib.suppress(ValueError):
        address = parse_address(f"redis://{tail}")
        assert address.hosts or not address.is_local


@given(st.text(min_size=1), st.sampled_from(["redis://h:1/0", "redis://u@h/0", "redis://[::1]"]))
def test_any_password_comes_through(password: str, url: str) -> None:
    try:
        password.encode()
    except UnicodeEncodeError:
        return
    assert parse_url(with_password(url, password))["password"] == password


@given(st.text(alphabet="abcXYZ019%-._~", min_size=4))
def test_what_is_masked_holds_no_password(password: str) -> None:
    url = f"postgresql://u:{password}@h/0?sslpassword={password}"
    assert masked(url) == "postgresql://u@h/0"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("/run/postgresql", True),
        ("0.0.0.0", False),  # noqa: S104  (asked about, not bound)
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_this_machine_is_loopback_or_a_socket(host: str, here: bool) -> None:
    assert is_this_machine(host) is here


def test_an_unreadable_url_is_not_shown_at_all() -> None:
    assert masked("redis:/u:pw@h") == "a URL that cannot be read"
