"""The page in a real browser, at a desk and on a phone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from tests.monitoring.scene import UP, Night, Served, Working
from tests.waiting import eventually

DESK = (1280, 900)
PHONE = (390, 844)


@dataclass
class Visit:
    """A page that somebody looks at, and all that it did."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    @property
    def origins(self) -> set[str]:
        return {f"http://{urlsplit(url).netloc}/" for url in self.asked}

    def assert_fits(self) -> None:
        """Nothing sticks out to the side."""
        wide, inside = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= inside

    def line(self, chart: int = 0) -> str:
        """The drawing of a chart's first line."""
        drawn = self.page.locator(".nm-chart").nth(chart).locator(".nm-series path").first
        return (drawn.get_attribute("d") or "") if drawn.count() else ""

    def progress(self) -> int:
        """How many jobs of the first batch are over."""
        bar = self.page.get_by_role("progressbar").first
        return int(bar.get_attribute("aria-valuenow") or 0)

    def let_time_pass(self, seconds: float) -> None:
        """From now on the server's clock is so much further on; nothing else has changed."""

        def answer_later(route: Route) -> None:
            answer = route.fetch()
            value = answer.json()
            route.fulfill(response=answer, json={**value, "at": value["at"] + seconds})

        expect(self.page.locator("#live-text")).to_contain_text("Live")
        self.page.route("**/overview.json*", answer_later)

    def see_it_move(self) -> None:
        """Wait until the progress has grown and the chart has a line that moved."""
        done = self.progress()
        eventually(lambda: self.progress() > done, "progress")
        eventually(lambda: "L" in self.line(), "a line")
        drawn = self.line()
        eventually(lambda: self.line() != drawn, "the line to move")


Open = Callable[..., Visit]


@pytest.fixture
def look(browser: Browser) -> Iterator[Open]:
    """Opens pages, and looks at the end whether anything went wrong in them."""
    visits: list[Visit] = []

    def open_page(url: str, size: tuple[int, int] = DESK, scheme: str = "light") -> Visit:
        page = browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.set_default_timeout(30_000)
        visits.append(visit := Visit(page))
        page.on("request", lambda request: visit.asked.append(request.url))
        page.on("console", visit.hear)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.goto(url)
        return visit

    yield open_page
    for visit in visits:
        visit.page.close()


def test_the_chart_moves_and_the_progress_grows_while_a_batch_runs(
    work: Callable[..., Working], look: Open
) -> None:
    # More than can be done in the time that it takes to look.
    working = work(jobs=5_000, delay_s=0.15)
    url = working.served.url
    visits = [look(url, DESK), look(url, PHONE, "dark")]

    for visit in visits:
        page = visit.page
        expect(page).to_have_title("Overview · Nightmill")
        expect(page.locator(".nm-batch .nm-pill")).to_have_text("running")
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "5000")
        visit.see_it_move()
        figures = page.locator(".nm-figures").first
        expect(figures).to_contain_text("jobs/s")
        expect(figures).to_contain_text("left")
        expect(page.locator("#hosts")).to_contain_text("fake@here")
        visit.assert_fits()

    for visit in visits:
        assert visit.complaints == []
        assert visit.origins == {url}
        assert any("/overview.json?span=3600" in each for each in visit.asked)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_long_names_and_many_batches_fit(
    night: Night, served: Served, look: Open, size: tuple[int, int]
) -> None:
    night.host("mlx@" + "a-very-long-name-of-a-host." * 4, models=("m" * 120, "n" * 90))
    for number in range(30):
        night.batch(f"{number} " + "a_name_without_a_break_" * 8, 2, done=number % 2)
    night.pace("mlx", 3000, lambda _: 123_456.7)

    visit = look(served.url, size)

    expect(visit.page.locator(".nm-batch")).to_have_count(30)
    visit.assert_fits()
    assert visit.complaints == []


def test_a_name_that_looks_like_markup_is_shown_as_it_is(
    night: Night, served: Served, look: Open
) -> None:
    name = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    night.batch(name, 2)
    visit = look(served.url)
    expect(visit.page.locator(".nm-batch .nm-name")).to_have_text(name)
    assert visit.page.locator("#batches img, #batches script").count() == 0
    assert visit.complaints == []


def test_without_any_work_it_says_what_to_do(served: Served, look: Open) -> None:
    visit = look(served.url)
    expect(visit.page.locator("#batches")).to_contain_text("nightmill run FILE")
    expect(visit.page.locator("#hosts")).to_contain_text("nightmill worker POOL")
    expect(visit.page.locator("#live-text")).to_contain_text("Live")
    assert visit.complaints == []


def test_it_says_when_nobody_hands_out_work(night: Night, served: Served, look: Open) -> None:
    night.batch("waits", 5)
    night.pace("mlx", 600, lambda _: 3.0, upto_s_ago=120)
    visit = look(served.url)
    visit.let_time_pass(15)
    expect(visit.page.locator("#notice")).to_contain_text("nobody has handed any out since")


def test_it_says_when_no_host_serves_what_waits(night: Night, served: Served, look: Open) -> None:
    night.host()
    night.lose("mlx@studio", 100)
    night.batch("waits", 5)
    night.pace("mlx", 600, lambda _: 3.0, upto_s_ago=-60)
    visit = look(served.url)
    visit.let_time_pass(15)
    expect(visit.page.locator("#notice")).to_have_text(
        "5 jobs wait for pool mlx, which no host serves now."
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_tunnels_are_shown_where_there_are_any(
    night: Night, served: Served, look: Open, size: tuple[int, int]
) -> None:
    night.host(guard="studio's")
    visit = look(served.url, size)
    expect(visit.page.locator("#hosts .nm-pill")).to_have_text("alive")
    expect(visit.page.locator("#tunnels-card")).to_be_hidden()

    night.tunnel(UP, guard="studio's")
    tunnels = visit.page.locator("#tunnels")
    expect(tunnels.locator(".nm-pill")).to_have_text("up")
    expect(tunnels).to_contain_text("127.0.0.1:6379 ← 127.0.0.1:6379 3 ms")
    expect(tunnels).to_contain_text("127.0.0.1:11434 → 127.0.0.1:11435 12 ms")
    expect(tunnels).to_contain_text("2 h 05 min")
    visit.assert_fits()

    night.cut(18)
    expect(tunnels.locator(".nm-pill")).to_have_text("gone")
    expect(visit.page.locator("#hosts")).to_contain_text("reached through tunnel home")
    assert visit.complaints == []


def test_it_says_when_what_it_shows_is_stale_and_goes_on_after_a_restart(
    night: Night, serve: Callable[..., Served], look: Open
) -> None:
    night.batch("tickets", 10, done=2)
    served = serve()
    visit = look(served.url)
    page = visit.page
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "2")

    served.end()
    expect(page.locator("#live-text")).to_contain_text("Stale since")
    expect(page.locator("#notice")).to_contain_text("is `nightmill monitor` still running?")

    night.desk.cancel("b-tickets")
    serve(port=served.port)
    expect(page.locator("#live-text")).to_contain_text("Live")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "10")


def test_another_span_is_shown_at_once(night: Night, served: Served, look: Open) -> None:
    night.pace("mlx", 86_000, lambda age: 40.0 if age < 4000 else 10.0)
    visit = look(served.url)
    eventually(visit.line, "the line")
    before = visit.line()
    visit.page.get_by_role("button", name="24 h").click()
    eventually(lambda: visit.line() != before, "another line")
    expect(visit.page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    assert any("span=86400" in url for url in visit.asked)


def test_a_chart_is_read_with_pointer_keys_and_table(
    night: Night, served: Served, look: Open
) -> None:
    night.pace("mlx", 3600, lambda _: 40.0)
    page = look(served.url).page
    chart = page.locator(".nm-chart").first
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", "Jobs finished, jobs/s. Now: mlx 40.0."
    )
    chart.get_by_role("img").hover(position={"x": 250, "y": 60})
    expect(chart.locator(".nm-reading")).to_contain_text("mlx 40.0")
    page.mouse.move(0, 0)
    expect(chart.locator(".nm-reading")).to_be_hidden()
    chart.get_by_role("img").focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".nm-reading")).to_contain_text("mlx 40.0")
    chart.get_by_text("As a table").click()
    expect(chart.locator("tbody tr")).to_have_count(20)
    expect(chart.locator("thead")).to_contain_text("mlx")


def test_flowers_own_pages_work_behind_the_guard(served: Served, look: Open) -> None:
    for path, word in (
        ("workers", "Workers"),
        ("tasks", "No tasks have been received"),
        ("broker", "Broker"),
    ):
        visit = look(f"{served.url}{path}")
        expect(visit.page.locator("body")).to_contain_text(word)
        visit.page.wait_for_load_state("networkidle")
        assert visit.complaints == []
        assert visit.origins == {served.url}
