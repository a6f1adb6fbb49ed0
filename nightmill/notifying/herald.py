"""Sends what is to be told, on a thread of its own, one message after the other.

A dead receiver delays others by as long as it may take for one message, and nothing else.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from jobs import loops
from jobs.errors import StoreError
from jobs.settings_notify import NotifySettings
from jobs.store import actions, batches, notices
from jobs.store.notices import Event, Notice
from jobs.store.store import Store
from nightmill.notifying.command import Command
from nightmill.notifying.desktop import Desktop, can_show
from nightmill.notifying.message import Message, NotSentError, Way, message_of
from nightmill.notifying.webhook import Webhook

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
#: Seconds after each failure until it is tried again; after the last it is given up.
PAUSES_S = (10.0, 60.0, 300.0, 1800.0)
#: What happened longer ago is no news.
STALE_S = 86_400.0


class Herald:
    """Tells what happens to batches for as long as this process leads, which `may_tell` knows.

    `stop` gives it a few seconds to tell of the end that the process ends with.
    """

    def __init__(
        self, store: Store, settings: NotifySettings, may_tell: Callable[[], bool]
    ) -> None:
        self._store = store
        self._settings = settings
        self._may_tell = may_tell
        self._ways = ways_of(settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self, within_s: float) -> None:
        """Tell what is due once more, if that takes no longer; the rest is told by the next."""
        self._stop.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        loops.run_steps(self._step, self._stop, _ignore, name="The herald")
        try:
            self._step()
        except StoreError as error:
            log.info("%s", error, extra={"action": "herald_ended"})

    def _step(self) -> float:
        if self._may_tell():
            for notice in self._due():
                if not notice.channel:
                    self._give_channels(notice)
            deaf: set[str] = set()
            for notice in self._due():
                # One that fails has the rest of its messages after those of the others.
                if notice.channel and notice.channel not in deaf and not self._tell(notice):
                    deaf.add(notice.channel)
        return LOOK_EVERY_S

    def _due(self) -> list[Notice]:
        with self._store.read() as c:
            return notices.due(c)

    def _give_channels(self, notice: Notice) -> None:
        with self._store.write() as c:
            event = self._message(c, notice).event
            notices.give_channels(c, notice, self._channels(notice, event))

    def _tell(self, notice: Notice) -> bool:
        with self._store.read() as c:
            message = self._message(c, notice)
        way = self._ways.get(notice.channel)
        fault = "it is not configured here" if way is None else _fault_of(way, message)
        with self._store.write() as c:
            if fault is None:
                notices.drop(c, notice)
            elif _is_given_up(notice):
                notices.drop(c, notice)
                told = {"of": message.event.value, "by": notice.channel, "because": fault}
                actions.note(c, actions.BY_ITSELF, "not_told", batch_id=notice.batch_id, **told)
            else:
                notices.put_off(c, notice, PAUSES_S[notice.tries])
        if fault is not None:
            log.warning(
                "Batch %s is %s, and nobody was told by %s: %s.",
                notice.batch_id,
                message.event,
                notice.channel,
                fault,
                extra={"action": "not_told"},
            )
        return fault is None

    @staticmethod
    def _message(c: Connection, notice: Notice) -> Message:
        return message_of(notice.event, notice.batch_id, batches.counts(c, notice.batch_id))

    def _channels(self, notice: Notice, event: Event) -> tuple[str, ...]:
        is_wanted = notice.is_wanted or self._settings.always
        if not is_wanted or event not in self._settings.events or notice.age_s > STALE_S:
            return ()
        return tuple(self._ways)


def ways_of(settings: NotifySettings) -> Mapping[str, Way]:
    """The ways that are configured, by their names."""
    ways: dict[str, Way] = {}
    if settings.webhook is not None:
        ways["webhook"] = Webhook(settings.webhook, settings.webhook_key)
    if settings.command:
        ways["command"] = Command(settings.command)
    if settings.desktop and can_show():
        ways["desktop"] = Desktop()
    return ways


def _fault_of(way: Way, message: Message) -> str | None:
    try:
        way.send(message)
    except NotSentError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (one way must not end the telling by the others)
        # Its text may hold a key.
        return f"it failed with {type(error).__name__}"
    return None


def _is_given_up(notice: Notice) -> bool:
    return notice.tries >= len(PAUSES_S) or notice.age_s > STALE_S


def _ignore(_error: Exception) -> None:
    """It was logged, and nothing rests on the herald."""
