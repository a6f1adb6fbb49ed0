"""Flower as we run it: guarded, read-only, with pages of ours first."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from celery import Celery
from flower import urls
from flower.app import Flower
from flower.options import default_options
from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.web import RedirectHandler

from jobs.store.store import Store
from monitoring import handlers
from monitoring.events import MAX_TASKS, MAX_WORKERS, TaskEvents
from monitoring.guard import refusal
from monitoring.headers import SafeHeaders
from monitoring.pages.page import Page
from monitoring.templates import OURS, Templates

STATIC = OURS.with_name("static")

#: Readers of the store at the same time: more would only wait for the same disk.
_READERS = 2
#: How often a broker that is not there is tried before Flower's page says so.
_TRIES = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Monitor(Flower):  # type: ignore[misc]  # Flower ships no types
    """Flower with pages of ours; made, begun and ended in a running event loop.

    `credentials` is `user:password`, or None where only this machine can connect.
    """

    def __init__(
        self, app: Celery, store: Store, pages: Sequence[Page], credentials: str | None
    ) -> None:
        app.conf.broker_transport_options = app.conf.broker_transport_options | _TRIES
        loop = IOLoop.current()
        super().__init__(
            options=_options(),
            capp=app,
            events=TaskEvents(app, loop),
            io_loop=loop,
            **_settings(pages),
        )
        self._credentials = credentials
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store")
        self.add_transform(SafeHeaders)
        self.add_handlers(".*", self._ours(store, pages))

    def begin(self) -> None:
        """Listen to events and look around for workers."""
        self.events.start()
        self.update_workers()

    def end(self) -> None:
        """Leave nothing running."""
        self.events.stop()
        for executor in (self._readers, self.executor):
            executor.shutdown(wait=False, cancel_futures=True)

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Who answers a request: nobody of Flower's before the guard let it through."""
        refused = refusal(
            credentials=self._credentials,
            method=request.method or "",
            path=request.path or "",
            host=request.headers.get("Host", ""),
            authorization=request.headers.get("Authorization", ""),
            site=request.headers.get("Sec-Fetch-Site", ""),
        )
        if refused is not None:
            return self.get_handler_delegate(request, handlers.Refuse, {"refused": refused})
        return super().find_handler(request, **kwargs)

    def _ours(self, store: Store, pages: Sequence[Page]) -> list[tuple[str, Any, dict[str, Any]]]:
        rules: list[tuple[str, Any, dict[str, Any]]] = [
            ("/nightmill/(.*)", handlers.OurFiles, {"path": str(STATIC)}),
            # Flower's script takes what is at / for its page of workers.
            ("/", RedirectHandler, {"url": f"/{pages[0].slug}", "permanent": False}),
        ]
        for page in pages:
            reading = {"page": page, "store": store, "executor": self._readers}
            rules += [
                (f"/{page.slug}", handlers.ShowPage, {"page": page}),
                (f"/{page.slug}[.]json", handlers.ShowValue, reading),
            ]
        return rules


def _options() -> SimpleNamespace:
    """Flower's options, from its defaults and our word alone: no file, no variable."""
    ours = {
        "read_only": True,
        "persistent": False,
        "enable_events": False,
        "max_tasks": MAX_TASKS,
        "max_workers": MAX_WORKERS,
        "tasks_columns": "state,result,runtime,worker,received,uuid",
        "format_task": without_arguments,
    }
    defaults = {name: option.default for name, option in _defined().items()}
    return SimpleNamespace(**defaults | ours)


def _defined() -> Mapping[str, Any]:
    options: Mapping[str, Any] = default_options._options  # noqa: SLF001  (the one way to its defaults)
    return {name.replace("-", "_"): option for name, option in options.items()}


def without_arguments(task: Any) -> Any:
    """A task as it is shown; its arguments are ids of jobs and say nothing to people."""
    task.args, task.kwargs = "ids of jobs", "{}"
    return task


def _settings(pages: Sequence[Page]) -> dict[str, Any]:
    return {
        **urls.settings,
        "cookie_secret": secrets.token_urlsafe(64),
        "xsrf_cookie_kwargs": {"samesite": "Strict"},
        "template_loader": Templates(urls.settings["template_path"], pages),
        "log_function": handlers.log_nothing,
        "debug": False,
    }
