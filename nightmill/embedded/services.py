"""What the leader of a data directory runs for everybody: broker, dispatcher and workers."""

import logging
import math
import time
from contextlib import ExitStack
from functools import partial

import msgspec

from jobs import guards
from jobs.addresses import parse_address
from jobs.errors import StoreError, UsageError
from jobs.settings import Settings
from jobs.store import dispatch
from jobs.store.store import Store
from nightmill.discovery import may_look, newcomers
from nightmill.embedded.broker import EmbeddedBroker, require_answer
from nightmill.embedded.child import Child, python
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.dispatching import DispatcherThread
from nightmill.embedded.lifeline import Lifeline
from nightmill.embedded.lookout import Lookout
from nightmill.embedded.pool_worker import Death, PoolWorker
from nightmill.embedded.vigil import Vigil
from nightmill.machine import machine_name
from worker import presence, spool
from worker.outcomes import Identity

log = logging.getLogger(__name__)

#: How long workers get to hand back what is in flight, asked once and then once more.
HAND_BACK_S = 3.0


class Services:
    """Services that run. `tend` keeps them running; after `stop` nothing of them is left."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._data_dir = DataDir(settings.data_dir)
        self._lifeline = Lifeline()
        self._vigil: Vigil | None = None
        self._lookout: Lookout | None = None
        self._broker: EmbeddedBroker | None = None
        self._dispatcher: DispatcherThread | None = None
        self._deaths: list[Death] = []
        self._workers = [self._worker_of(pool) for pool in settings.pools]

    @property
    def settings(self) -> Settings:
        """The settings, with the pools of the servers that came up since the start."""
        return self._settings

    def start(self) -> None:
        """Start all of them; raises `BrokerError` where the broker cannot be had."""
        if not self._settings.worker.allow_sleep:
            self._vigil = Vigil(self._store, self._data_dir.log_of("awake"))
        self._dispatcher = DispatcherThread(self._settings, self._store, self._start_broker())
        if may_look(self._settings):
            self._lookout = Lookout(self._settings)
        self.tend()

    def tend(self) -> None:
        """Start again what has died, and give its jobs back at once; start what can be served now.

        Raises `StoppedEarlyError` where starting again does not help.
        """
        self._tend_broker()
        self._take_on_newcomers()
        for worker in self._workers:
            if (death := worker.tend(time.monotonic())) is not None:
                self._deaths.append(death)
        self._release_the_dead()
        if self._dispatcher is not None:
            self._dispatcher.check()

    def stop(self) -> None:
        """End all of them, workers before the broker, whatever goes wrong on the way."""
        with ExitStack() as last_first:
            last_first.callback(self._lifeline.cut)
            if self._lookout is not None:
                last_first.callback(self._lookout.end)
            if self._vigil is not None:
                last_first.callback(self._vigil.end)
            if self._broker is not None:
                last_first.callback(self._broker.stop)
            last_first.callback(self._end_workers)
            if self._dispatcher is not None:
                last_first.callback(self._dispatcher.stop)

    def _worker_of(self, pool: str) -> PoolWorker:
        return PoolWorker(pool, partial(self._start_worker, pool), partial(self._is_served, pool))

    def _is_served(self, pool: str) -> bool:
        """Whether a living worker that somebody else started has this pool's name here."""
        try:
            presence.take_name(self._data_dir.locks, self._identity(pool), within_s=0).release()
        except UsageError:
            return True
        return False

    def _identity(self, pool: str) -> Identity:
        return Identity(session="", host=machine_name(self._settings), pool=pool)

    def _start_broker(self) -> str:
        """Its address, once it answers."""
        if self._settings.broker_url is not None:
            require_answer(self._settings.broker_url)
            return self._settings.broker_url
        if not parse_address(self._settings.store_url).is_local:
            # Other hosts serve this store too, and would never hear of a private broker's messages.
            raise UsageError(
                f"The store {self._store.describe()} is on another machine, and the broker of this"
                " one reaches nobody else: set `broker.url` to the one that all hosts use."
            )
        self._broker = EmbeddedBroker(self._data_dir, self._lifeline.fd)
        self._broker.start()
        return self._broker.url

    def _tend_broker(self) -> None:
        if self._broker is None or self._broker.is_running:
            return
        self._broker.start()
        if self._dispatcher is not None:
            self._dispatcher.broker_restarted()

    def _take_on_newcomers(self) -> None:
        if self._lookout is None:
            return
        new = newcomers(self._lookout.found, self._settings.pools)
        if not new:
            return
        self._settings = self._settings.with_found({**self._settings.found, **new})
        self._workers += [self._worker_of(pool) for pool in new]
        for pool, url in new.items():
            log.info(
                "Pool %s is served too: its server came up at %s.",
                pool,
                url,
                extra={"action": "server_found"},
            )

    def _end_workers(self) -> None:
        for _ in ("let go", "at once"):
            for worker in self._workers:
                worker.ask_to_end()
            deadline = time.monotonic() + HAND_BACK_S
            for worker in self._workers:
                worker.ends_within(max(0.0, deadline - time.monotonic()))
        ended = [s for worker in self._workers if (s := worker.end()) is not None]
        self._deaths += [Death(session, is_violent=False) for session in ended]
        try:
            self._release_the_dead()
        except StoreError as error:
            log.warning(
                "What was in flight could not be given back and waits for its lease: %s",
                error,
                extra={"action": "release_failed"},
            )

    def _release_the_dead(self) -> None:
        """Give back what they held; nobody else will ask for it before its lease ends."""
        if self._deaths:
            # What they had answered needs no second answer.
            spool.record_left_behind(spool.folder_in(self._settings.data_dir), self._store)
        while self._deaths:
            session, is_violent = self._deaths[0]
            with self._store.write() as c:
                dispatch.release_session(
                    c,
                    session,
                    blame=is_violent,
                    max_crashes=self._settings.worker.max_crashes,
                )
            del self._deaths[0]

    def _start_worker(self, pool: str, session: str) -> Child:
        self._return_what_the_dead_left(pool)
        options = ["--session", session, "--lifeline-fd", str(self._lifeline.fd)]
        options += ["--data-dir", str(self._settings.data_dir)]
        if self._settings.owners_source:
            options += ["--config", self._settings.owners_source]
        if self._broker is not None:
            # A configured one may hold a password, which no command line should show.
            options += ["--broker-url", self._broker.url]
        if (url := self._settings.found.get(pool)) is not None:
            options += ["--found-at", url]
        command = python("nightmill", "worker", pool, *options)
        return Child.start(command, self._data_dir.log_of(f"worker-{pool}"), self._lifeline.fd)

    def _return_what_the_dead_left(self, pool: str) -> None:
        """Nobody is blamed: whoever led before us went down with all of its workers.

        What died under our own eyes has been given back before this.
        """
        guard = guards.guard_of(self._data_dir.locks)
        presence.take_back_jobs(
            self._store,
            self._settings.data_dir,
            msgspec.structs.replace(self._identity(pool), guard=guard),
            self._settings.worker.max_crashes,
            blame_since=math.inf,
        )
