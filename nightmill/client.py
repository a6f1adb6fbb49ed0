"""Nightmill from Python: submit rows, wait for them, read the answers."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jobs.store import results
from jobs.store.store import Store
from nightmill.embedded.stack import Stack
from nightmill.intake import take_in
from nightmill.looking import look
from nightmill.request import Request
from nightmill.result import Result, result_of
from nightmill.rowfile import written_rows
from nightmill.setup import open_store, read_settings
from nightmill.status import Status
from nightmill.watch import wait_for
from producer.overrides import Overrides

PAGE = 200

Rows = Iterable[Mapping[str, Any]]
OnProgress = Callable[[Status], None]


class Client:
    """A program's way into the mill of this machine, for as long as the block lasts.

        with Client() as client:
            batch = client.submit([{"prompt": "Say hello."}])
            client.wait(batch)
            for result in client.results(batch):
                print(result.response)

    Args:
        config: Configuration file; by default the one that the command line would use.
        data_dir: Data directory; by default the configured one.

    Everything may raise `UsageError` and `StoppedEarlyError`, whose messages say what to do.
    """

    def __init__(self, config: Path | None = None, data_dir: Path | None = None) -> None:
        self._settings = read_settings(config, data_dir)
        self._opened: Store | None = None

    def submit(
        self,
        rows: Rows | Path | str,
        *,
        model: str = "auto",
        prompt: str | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: tuple[str, ...] | None = None,
        output: Path | None = None,
        priority: int = 0,
        fresh: bool = False,
    ) -> str:
        """Bring rows, or the file at a path, into the store; returns the id of their batch.

        Rows are dictionaries with `prompt` or `messages`, or with the columns that the template
        `prompt` names. A file is known again by its path, and rows by `output`, where one is
        given: the same call then goes on with the same batch.
        """
        store = self._store
        overrides = Overrides(
            model=None if model == "auto" else model,
            prompt=prompt,
            system=system,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            stop=stop,
        )
        with self._as_file(rows) as source:
            request = Request(
                sources=(source,),
                output=output,
                overrides=overrides,
                priority=priority,
                is_fresh=fresh,
            )
            accepted = take_in(self._settings, store, request, _ignore)
        return accepted.submitted.batch.id

    def wait(
        self, batch: str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Status:
        """Run a batch to its end, starting what is missing and ending it again afterwards.

        `on_progress` is called several times a second. Raises `TimeoutError` after `timeout`
        seconds; the batch is as it was and can be waited for again.
        """
        deadline = None if timeout is None else time.monotonic() + timeout

        def on_tick(status: Status) -> None:
            if on_progress is not None:
                on_progress(status)
            if deadline is not None and time.monotonic() > deadline and not status.is_over:
                raise TimeoutError(f"the batch {status.id} was not over after {timeout} s")

        status = look(self._store, batch)
        if status.is_over:
            return status
        with Stack(self._settings, self._store) as stack:
            return wait_for(self._store, status.id, stack, on_tick)

    def status(self, batch: str) -> Status:
        """How far a batch is."""
        return look(self._store, batch)

    def results(self, batch: str) -> Iterator[Result]:
        """What became of the rows, in the order of the input; a few at a time are in memory.

        While the batch runs, rows that are not over yet are left out.
        """
        line, batch_id = 0, look(self._store, batch).id
        while True:
            with self._store.read() as c:
                page = results.page(c, batch_id, line, PAGE)
            if not page:
                return
            yield from (result_of(found) for found in page if found.state.is_terminal)
            line = page[-1].line

    @property
    def _store(self) -> Store:
        if self._opened is None:
            raise RuntimeError("expected the client to be used in its `with` block")
        return self._opened

    @contextmanager
    def _as_file(self, rows: Rows | Path | str) -> Iterator[Path]:
        if isinstance(rows, (Path, str)):
            yield Path(rows)
            return
        with written_rows(self._settings.data_dir, rows) as path:
            yield path

    def __enter__(self) -> Self:
        self._opened = open_store(self._settings)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.close()
        self._opened = None


def _ignore(_lines: int, _bytes: int) -> None: ...
