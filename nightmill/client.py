"""Nightmill from Python: submit rows, wait for them, read the answers."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, Unpack
from weakref import WeakSet

from jobs.store.backing_up import BackedUp
from jobs.store.store import Store
from nightmill import pausing
from nightmill.cancelling import cancel_batch, cancel_job
from nightmill.embedded.stack import Stack
from nightmill.frames import rows_of
from nightmill.intake import take_in
from nightmill.keeping import back_up
from nightmill.looking import look
from nightmill.results import Results, as_they_finish, in_order
from nightmill.retrying import Again, codes_of, retry_batch
from nightmill.rowfile import written_rows
from nightmill.setup import open_store, read_settings
from nightmill.status import Status
from nightmill.submitting import SubmitOptions, request_of
from nightmill.watch import wait_for


class PolarsFrame(Protocol):
    """What has rows as polars's data frames do."""

    def iter_rows(self, *, named: Any) -> Any: ...


class PandasFrame(Protocol):
    """What has rows as pandas's data frames do."""

    def to_dict(self, orient: Any) -> Any: ...


class ArrowTable(Protocol):
    """What has rows as pyarrow's tables and record batches do."""

    def to_pylist(self) -> Any: ...


Rows = Iterable[Mapping[str, Any]] | PolarsFrame | PandasFrame | ArrowTable
OnProgress = Callable[[Status], None]

#: What a batch of rows is called that nobody named.
OF_A_PROGRAM = "rows of a program"


class Client:
    """A program's way into the mill of this machine, for as long as the block lasts.

        with Client() as client:
            for result in client.run([{"prompt": "Say hello."}]):
                print(result.response)

    Args:
        config: Configuration file; by default the one that the command line would use.
        data_dir: Data directory; by default the configured one.

    A batch is named by its id, the beginning of that, or its name. Everything may raise
    `UsageError` and `StoppedEarlyError`, whose messages say what to do. What is wrong with one
    row raises nothing: it is the `error` of its result.
    """

    def __init__(self, config: Path | None = None, data_dir: Path | None = None) -> None:
        self._settings = read_settings(config, data_dir)
        self._opened: Store | None = None
        self._read_from: WeakSet[Results] = WeakSet()

    def submit(self, rows: Rows | Path | str, **options: Unpack[SubmitOptions]) -> str:
        """Bring rows, or the file at a path, into the store; returns the id of their batch.

        Rows are mappings, or a data frame of pandas, polars or pyarrow; each has `prompt` or
        `messages`, or the columns that the template `prompt` names. A file is known again by its
        path, and rows by `output`, where one is given: the same call then goes on with the same
        batch. The options are those of `SubmitOptions`.
        """
        store = self._store
        with self._as_file(rows) as source:
            request = request_of(source, options)
            if not isinstance(rows, (Path, str)):
                request = replace(request, title=OF_A_PROGRAM)
            accepted = take_in(self._settings, store, request, _ignore)
        return accepted.submitted.batch.id

    def run(self, rows: Rows | Path | str, **options: Unpack[SubmitOptions]) -> Results:
        """Submit, as `submit` does, and run: the results one by one as rows finish.

        The id of the batch is the `batch` of what is returned.
        """
        return self.results(self.submit(rows, **options), follow=True)

    def wait(
        self, batch: str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Status:
        """Run a batch to its end, starting what is missing and ending it again afterwards.

        `on_progress` is called several times a second. The pause of a user, and a pool that rests,
        are waited through. Raises `TimeoutError` after `timeout` seconds; the batch is as it was,
        and can be waited for again.
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

    def results(self, batch: str, *, follow: bool = False) -> Results:
        """What became of the rows; a few at a time are in memory.

        By default those that have finished by now, in the order of the input. With `follow` every
        row once, as soon as it has finished, until the batch is over: it is run meanwhile, as by
        `wait`.
        """
        store, batch_id = self._store, look(self._store, batch).id
        if follow:
            found = as_they_finish(self._settings, store, batch_id)
        else:
            found = in_order(store, batch_id)
        self._read_from.add(found)
        return found

    def cancel(self, batch: str, *, row: str | None = None) -> int:
        """End a batch: what is not finished does not run; the number of those rows.

        `row` is a `custom_id`: only this row ends then.
        """
        if row is not None:
            return cancel_job(self._settings, self._store, batch, row).cancelled
        return cancel_batch(self._settings, self._store, batch).cancelled

    def retry(
        self,
        batch: str,
        *,
        model: str | None = None,
        only: Collection[str] = (),
        max_tokens: int | None = None,
    ) -> int:
        """Open the next run of the rows that failed; how many.

        By another model if one is named, or with another limit; `only` those that ended with one
        of these codes, such as `schema_mismatch`, `expired` or `cancelled`. `wait`, or `results`
        with `follow`, then runs them.
        """
        again = Again(codes=codes_of(only), model=model, max_tokens=max_tokens)
        return retry_batch(self._settings, self._store, batch, again).retried

    def pause(self, what: str, *, for_s: float | None = None, reason: str = "") -> None:
        """Let a batch wait, or let the machines of a pool rest, for so many seconds or until it is
        resumed.

        What runs of a batch ends as usual; the jobs of a pool get the grace time of its workers.
        """
        pausing.pause(self._settings, self._store, what, reason, for_s)

    def resume(self, what: str) -> bool:
        """Let a batch or a pool go on that was paused, by somebody or because too much failed;
        whether it was paused.

        `wait`, or `results` with `follow`, then runs the batch. What failed stays failed: `retry`
        runs that again, and resumes the batch too.
        """
        _, was_paused = pausing.resume(self._settings, self._store, what)
        return was_paused

    def backup(self, file: Path | str, *, force: bool = False) -> BackedUp:
        """Write all that the store holds at this moment into a file, while everything goes on.

        With `force` a file that is there is replaced, once the new one is whole.
        """
        return back_up(self._settings, Path(file), _ignore, is_forced=force)

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
        with written_rows(self._settings.data_dir, rows_of(rows)) as path:
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
        for results in list(self._read_from):
            results.close()
        self._store.close()
        self._opened = None


def _ignore(_lines: int, _bytes: int) -> None: ...
