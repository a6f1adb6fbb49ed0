"""The pages over real HTTP: what they say of themselves, and what they keep to themselves."""

import os
import re
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flower import urls

from monitoring.app import STATIC
from monitoring.pages.page import Page
from monitoring.serving import Place, listen, url_of
from monitoring.templates import Templates
from tests.monitoring.scene import Night, Served

FLOWERS = ("/workers", "/tasks", "/broker")
CONTROLS = [
    rule[0].replace("(.+)", "mlx@studio").replace("(.*)", "x")
    for rule in urls.handlers
    if isinstance(rule, tuple) and rule[0].startswith("/api")
]


def test_the_front_page_is_the_overview(served: Served) -> None:
    front = served.get("/")
    assert (front.status, front.headers["location"]) == (302, "/overview")
    page = served.get("/overview")
    assert page.status == 200
    assert "<title>Overview · Nightmill</title>" in page.text


@pytest.mark.parametrize("path", ["/overview", *FLOWERS])
def test_overview_is_first_in_the_bar_of_every_page(served: Served, path: str) -> None:
    bar = re.findall(r'<a [^>]*href="(/\w+)"', served.get(path).text)
    assert bar[:4] == ["/overview", "/workers", "/tasks", "/broker"]


@pytest.mark.parametrize("path", ["/overview", *FLOWERS, "/nothing"])
def test_nothing_comes_from_another_host(served: Served, path: str) -> None:
    loaded = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="([^"]*)"', served.get(path).text)
    assert loaded
    assert [each for each in loaded if not re.match(r"/(static|nightmill)/", each)] == []


@pytest.mark.parametrize("path", ["/overview", *FLOWERS, "/nothing"])
def test_no_page_has_a_script_within_it(served: Served, path: str) -> None:
    text = served.get(path).text
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", text) == []
    assert re.findall(r"\son\w+=", text) == []


def test_the_page_loads_files_of_ours_that_load_only_each_other(served: Served) -> None:
    page = served.get("/overview").text
    wanted = re.findall(r'"/nightmill/([\w.]+)"', page)
    seen = set()
    while wanted:
        seen.add(name := wanted.pop())
        answer = served.get(f"/nightmill/{name}")
        assert answer.status == 200
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        wanted += [each for each in re.findall(r'"\./([\w.]+)"', answer.text) if each not in seen]
    assert seen == {path.name for path in STATIC.iterdir()} - {"flower.js"}


@pytest.mark.parametrize(
    "path", ["/", "/overview", "/overview.json", "/workers", "/metrics", "/nothing", "/api/tasks"]
)
def test_every_answer_keeps_other_sites_out(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With it, Flower opens its API to everybody and its pages to every site.
    monkeypatch.setitem(os.environ, "FLOWER_UNAUTHENTICATED_API", "true")
    headers = served.get(path, Origin="http://evil.example").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src 'unsafe" not in headers["content-security-policy"]
    assert not {"access-control-allow-origin", "server"} & headers.keys()


def test_our_pages_have_the_strict_policy(served: Served) -> None:
    for path in ("/overview", "/overview.json"):
        policy = served.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy


@pytest.mark.parametrize("path", CONTROLS)
def test_no_worker_can_be_controlled(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "FLOWER_UNAUTHENTICATED_API", "true")
    assert served.get(path).status == 403
    assert served.get(path, method="POST", body="{}").status == 405


def test_a_password_is_asked_for_and_enough(serve: Callable[..., Served]) -> None:
    served = serve("me:open sesame")
    for path in ("/", "/overview", "/overview.json", "/metrics", "/static/js/flower.js"):
        refused = served.get(path)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
    known = f"Basic {b64encode(b'me:open sesame').decode()}"
    assert served.get("/overview.json", Authorization=known).status == 200
    assert served.get("/workers", Authorization=known, Host="studio.local").status == 200


def test_another_name_for_this_machine_gets_nothing(served: Served) -> None:
    for path in ("/", "/overview.json", "/tasks", "/metrics"):
        assert served.get(path, Host="evil.example").status == 403


def test_names_are_shown_as_texts_in_the_value(night: Night, served: Served) -> None:
    name = '<img src=x onerror=alert(1)> "quoted" {{ 7*7 }}'
    night.batch(name, 1)
    assert served.overview()["batches"][0]["name"] == name


def test_files_beside_ours_are_not_to_be_had(served: Served) -> None:
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "", "/etc/passwd"):
        assert served.get(f"/nightmill/{path}").status in {400, 403, 404}


def test_a_store_that_fails_is_told_and_the_pages_live_on(
    night: Night, served: Served, tmp_path: Path
) -> None:
    file = tmp_path / "nightmill.db"
    night.store.close()
    away = file.rename(tmp_path / "away.db")
    answer = served.get("/overview.json")
    assert answer.status == 503
    assert "The store" in answer.json["error"]
    assert served.get("/overview").status == 200
    away.rename(file)
    assert served.get("/overview.json").status == 200


def test_many_who_look_at_once_are_all_served(night: Night, served: Served) -> None:
    night.host()
    night.batch("one", 50, done=20)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: served.get("/overview.json").status, range(64)))
    assert answers == [200] * 64


def test_it_keeps_nothing_on_disk(served: Served, tmp_path: Path) -> None:
    served.overview()
    # No database of Flower's: it would be a pickle.
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept <= {"nightmill.db", "nightmill.db-shm", "nightmill.db-wal", "nightmill.db.lock"}


def test_flowers_templates_still_have_what_ours_change() -> None:
    page = Page("overview", "Over & <view>", lambda *_: pytest.fail("not read here"))
    templates = Templates(urls.settings["template_path"], [page])
    assert b"Over &amp; &lt;view&gt;" in templates._changed(
        "navbar.html", Path(templates.root, "navbar.html").read_bytes()
    )
    templates.load("workers.html")
    with pytest.raises(LookupError, match="expected Flower's template"):
        templates._changed("navbar.html", b"<nav></nav>")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "studio.local"])  # noqa: S104
def test_pages_for_others_need_a_password(address: str) -> None:
    with pytest.raises(Exception, match="Expected a password for pages on"):
        Place(address=address, port=0).check()
    Place(address=address, port=0, credentials="me:x").check()


@pytest.mark.parametrize(
    ("address", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_url_is_one_that_can_be_opened(address: str, shown: str) -> None:
    place = Place(address=address, port=0, credentials="me:x")
    with listen(place) as listening:
        port = listening.getsockname()[1]
        assert url_of(place, listening) == f"http://{shown}:{port}/"
