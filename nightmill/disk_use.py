"""What the store takes of its disk, what is free, and whether that is enough."""

import msgspec

from jobs.disk import free_bytes
from jobs.room import Room, expected_bytes, warning
from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.status import Status


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on the disks that a batch needs."""

    store_bytes: int
    #: Free on the store's disk; None where only its server knows.
    free_bytes: int | None
    #: Below it no more rows are begun.
    min_free_bytes: int
    #: What the answers to come of this batch are going to take, about.
    expected_bytes: int
    #: Free where this machine keeps logs, and answers that the store does not take.
    data_dir_free_bytes: int
    #: What is wrong, or going to be; None while there is room.
    warning: str | None


def disk_use(settings: Settings, store: Store, status: Status) -> DiskUse:
    """How much there is and how much a batch needs; `StoreError` where a disk does not say."""
    data_dir = settings.data_dir
    room = room_for(settings, store, status)
    return DiskUse(
        store_bytes=store.size(),
        free_bytes=room.free,
        min_free_bytes=room.min_free,
        expected_bytes=room.expected,
        data_dir_free_bytes=free_bytes(data_dir, f"the data directory {data_dir}"),
        warning=warning(room, store.describe()),
    )


def warning_of_shortage(settings: Settings, store: Store, status: Status) -> str | None:
    """What is to be said to somebody who waits for a batch, before the store's disk is full."""
    room = room_for(settings, store, status)
    # When it is, waiting is another matter.
    return None if room.is_out else warning(room, store.describe())


def room_for(settings: Settings, store: Store, status: Status) -> Room:
    """The store's disk and what a batch is still going to put on it; quickly found out."""
    return Room(
        free=store.free_bytes(),
        min_free=settings.store.min_free,
        expected=expected_bytes(status.unfinished, status.succeeded, status.output_tokens),
    )
