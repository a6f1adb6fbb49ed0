"""How pages of ours are answered: the page itself, and the value that its script asks for."""

import asyncio
import logging
from concurrent.futures import Executor
from typing import Any

from flower.views import BaseHandler
from tornado.web import RequestHandler, StaticFileHandler

from jobs.errors import NightmillError
from jobs.store.store import Store
from monitoring.guard import Refusal
from monitoring.headers import OURS, POLICY
from monitoring.pages.page import Page

logger = logging.getLogger(__name__)


class Refuse(RequestHandler):
    """Says why a request is not answered."""

    def initialize(self, refused: Refusal) -> None:
        """Called by Tornado with what the guard said."""
        self._refused = refused

    def prepare(self) -> None:
        """Answer, whatever was asked for."""
        self.set_status(self._refused.status)
        for name, value in self._refused.headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self._refused.message + "\n")

    def check_xsrf_cookie(self) -> None:
        """Nothing to check: it is refused."""


class ShowPage(BaseHandler):  # type: ignore[misc]  # Flower ships no types
    """A page, drawn by its script."""

    def initialize(self, page: Page) -> None:
        """Called by Tornado."""
        self._page = page

    def get(self) -> None:
        """The page without its figures."""
        self.set_header(POLICY, OURS)
        self.render(f"{self._page.slug}.html", page=self._page)


class ShowValue(RequestHandler):
    """What a page shows, as JSON, fresh from the store."""

    def initialize(self, page: Page, store: Store, executor: Executor) -> None:
        """Called by Tornado."""
        self._page = page
        self._store = store
        self._executor = executor

    async def get(self) -> None:
        """The value, or what is wrong in words."""
        asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        loop = asyncio.get_running_loop()
        self.set_header(POLICY, OURS)
        self.set_header("Content-Type", "application/json")
        try:
            self.write(await loop.run_in_executor(self._executor, self._read, asked))
        except ValueError as error:
            self._fail(400, str(error))
        except NightmillError as error:
            self._fail(503, str(error))

    def _read(self, asked: dict[str, str]) -> bytes:
        with self._store.read() as c:
            return self._page.as_json(c, asked)

    def _fail(self, status: int, message: str) -> None:
        self.set_status(status)
        self.write({"schema": 1, "error": message})


class OurFiles(StaticFileHandler):
    """Scripts and styles of ours; asked for again each time, and sent only when they changed."""

    def set_extra_headers(self, path: str) -> None:
        """Called by Tornado."""
        _ = path
        self.set_header("Cache-Control", "no-cache")


def log_nothing(_handler: Any) -> None:
    """In the place of a log of all requests: pages that look every two seconds say nothing."""
