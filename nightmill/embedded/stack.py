"""Running the services of a machine while they are needed, or waiting where somebody else does."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import holder, services_lock, take
from nightmill.embedded.services import Services


class Stack:
    """The services of this machine for as long as the block lasts.

    Whoever has the data directory's lock runs them for everybody. A process that finds the lock
    taken has nothing to do but wait, and takes over when the lock becomes free. `tick` must be
    called several times a second: it is what tends the services.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._lock = services_lock(DataDir(settings.data_dir))
        self._services: Services | None = None

    @property
    def is_leader(self) -> bool:
        """Whether the services run in and below this process."""
        return self._services is not None

    @property
    def settings(self) -> Settings:
        """The settings, with the pools of the servers that came up while this process leads."""
        return self._settings if self._services is None else self._services.settings

    @property
    def locks(self) -> Path:
        """The folder of this machine's locks."""
        return DataDir(self._settings.data_dir).locks

    @property
    def leader(self) -> str:
        """The process that runs the services now, in words."""
        return holder(self._lock)

    def leaves_alone(self, pools: Iterable[str]) -> tuple[str, ...]:
        """The pools that nobody can serve: they are not ours, and others do not reach us."""
        if not self.is_leader or self._settings.broker_url is not None:
            return ()
        return tuple(pool for pool in pools if pool not in self.settings.pools)

    def tick(self) -> None:
        """Tend the services, or take over; raises `StoppedEarlyError` where nothing helps."""
        if self._services is not None:
            self._services.tend()
        elif take(self._lock):
            self._lead()

    def _lead(self) -> None:
        try:
            self._services = Services(self._settings, self._store)
            self._services.start()
        except BaseException:
            # Half of them would be tended as if it were all: the next tick begins anew.
            self._end()
            raise

    def __enter__(self) -> Self:
        self.tick()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        services, self._services = self._services, None
        try:
            if services is not None:
                services.stop()
        finally:
            self._lock.release()
