"""Handing out nothing more before the store's disk is full, from the place of the dispatcher."""

import logging

from jobs.room import Room, shortage
from jobs.store.store import Store

logger = logging.getLogger(__name__)


class Floor:
    """Knows whether so many bytes are free on the store's disk; 0 is not to care."""

    def __init__(self, store: Store, min_free: int) -> None:
        self._store = store
        self._min_free = min_free
        self._was_out = False

    def is_out(self) -> bool:
        """Whether there are not, so that what runs can be recorded and nothing more be begun.

        Raises `StoreError` where the disk does not say.
        """
        free = self._store.free_bytes() if self._min_free else None
        room = Room(free=free, min_free=self._min_free)
        if room.is_out != self._was_out:
            self._was_out = room.is_out
            if room.is_out:
                said = shortage(room, self._store.describe())
                logger.warning("%s", said, extra={"action": "no_room"})
            else:
                logger.info("The store's disk has room again.", extra={"action": "room_again"})
        return room.is_out
