"""Where something listens is read in one way only."""

import pytest

from jobs.endpoints import Endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:6379", Endpoint("127.0.0.1", 6379)),
        ("localhost:6379", Endpoint("127.0.0.1", 6379)),
        ("[::1]:6379", Endpoint("::1", 6379)),
        ("/run/redis.sock", Endpoint(path="/run/redis.sock")),
    ],
)
def test_a_host_and_a_port_or_a_path(text: str, endpoint: Endpoint) -> None:
    assert Endpoint.parse(text) == endpoint


@pytest.mark.parametrize("text", ["server.example.org", "::1", "fd00::2"])
def test_a_server_has_a_usual_port(text: str) -> None:
    assert Endpoint.parse(text, 22) == Endpoint(text, 22)


@pytest.mark.parametrize(
    "text",
    ["", "6379", "::1", "[::1]", "host:0", "host:65536", "a b:1", "host:1/x", "u@host:1", "[x]:1"],
)
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:6379"):
        Endpoint.parse(text)


def test_a_path_that_no_system_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 103 bytes"):
        Endpoint.parse("/" + "x" * 103)


@pytest.mark.parametrize("text", ["127.0.0.1:6379", "[::1]:22", "/run/x.sock", "a.example:1"])
def test_it_is_written_as_it_was_read(text: str) -> None:
    assert str(Endpoint.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "is_here"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("/a", True), ("10.0.0.1:1", False)],
)
def test_only_this_machine_reaches_loopback_and_sockets(text: str, is_here: bool) -> None:
    assert Endpoint.parse(text).is_here is is_here
