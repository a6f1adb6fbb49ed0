"""A batch that is run to its end in the background, while its results are read in front."""

import threading
from types import TracebackType
from typing import Self

from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.embedded.stack import Stack
from nightmill.status import Status
from nightmill.watch import wait_for


class Tending:
    """A thread that starts what is missing and tends it until the batch is over.

    After the block nothing of it runs any more.
    """

    def __init__(self, settings: Settings, store: Store, batch_id: str) -> None:
        self._settings = settings
        self._store = store
        self._batch_id = batch_id
        self._asked_to_stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="tending", daemon=True)

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the batch; raises what kept it from going on."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            with Stack(self._settings, self._store) as stack:
                wait_for(self._store, self._batch_id, stack, self._go_on)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001  (raised again where somebody waits)
            self._error = error

    def _go_on(self, _status: Status) -> None:
        if self._asked_to_stop.is_set():
            raise _Stopped

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._asked_to_stop.set()
        self._thread.join()


class _Stopped(Exception):  # noqa: N818  (nothing went wrong)
    """The block was left before the batch was over."""
