"""Who may see what, case by case."""

from base64 import b64encode
from typing import Any

import pytest

from monitoring.guard import refusal


def status(**asked: Any) -> int | None:
    given = {
        "credentials": None,
        "method": "GET",
        "path": "/overview",
        "host": "127.0.0.1:5555",
        "authorization": "",
        "site": "",
    }
    refused = refusal(**given | asked)
    return None if refused is None else refused.status


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.9.9.9", "[::1]:5"])
def test_this_machine_may_look(host: str) -> None:
    assert status(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:5555", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("", "[", "[::2]", "0.0.0.0", "192.168.1.5:5555", "/tmp/x"),  # noqa: S104  (no binding)
    ],
)
def test_a_page_that_gave_itself_our_address_gets_nothing(host: str) -> None:
    assert status(host=host) == 403


def test_with_a_password_nobody_looks_without_it() -> None:
    given = {"credentials": "me:sésame", "host": "studio.local"}
    assert status(**given) == 401
    assert status(**given, authorization=basic("me:sésame")) is None
    for wrong in ("me:sesame", "you:sésame", "me:sésame2", "", "me:"):
        assert status(**given, authorization=basic(wrong)) == 401
    for odd in ("Basic", "Basic !!!", "Bearer x", basic("me:sésame").replace("Basic", "Digest")):
        assert status(**given, authorization=odd) == 401


@pytest.mark.parametrize("path", ["/metrics", "/healthcheck", "/nightmill/pages.css", "/static/x"])
def test_the_password_is_for_all_pages(path: str) -> None:
    assert status(credentials="me:x", path=path) == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", ""])
def test_nothing_can_be_changed(method: str) -> None:
    assert status(method=method) == 405
    assert status(method=method, path="/api/worker/shutdown/mlx@studio") == 405


def test_the_page_of_tasks_may_ask_for_its_rows_and_no_page_elsewhere_may() -> None:
    asked = {"method": "POST", "path": "/tasks/datatable"}
    assert status(**asked) is None
    assert status(**asked, site="same-origin") is None
    assert status(**asked, site="cross-site") == 403
    assert status(**asked, site="same-site") == 403


@pytest.mark.parametrize(
    "path", ["/api", "/api/tasks", "/api/worker/shutdown/x", "/login", "/logout"]
)
def test_flowers_api_is_off(path: str) -> None:
    assert status(path=path) == 403
