"""The id of a machine's folder of locks, by which others tell machines apart."""

import hashlib
import platform
import uuid
from pathlib import Path

from jobs.disk import sync_path
from jobs.locks import FileLock


def guard_of(lock_dir: Path) -> str:
    """The id of a folder of locks, by which others know that a name is guarded in it.

    A copy of the folder, or the same on another machine, guards nothing that the first one does,
    so it gets an id of its own.
    """
    lock_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, here = lock_dir / "guard", _place_of(lock_dir)
    with FileLock(lock_dir / "guard.lock"):
        written = path.read_text().split() if path.exists() else []
        match written:
            case [guard, place] if place == here:
                return guard
        guard = str(uuid.uuid4())
        new = path.with_suffix(".new")
        new.write_text(f"{guard} {here}\n")
        sync_path(new)
        new.rename(path)
    return guard


def _place_of(folder: Path) -> str:
    """What a folder on this machine and its copies elsewhere do not have in common."""
    machine = next((p.read_text().strip() for p in _MACHINE_IDS if p.exists()), platform.node())
    what = f"{machine} {folder.stat().st_ino}"
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest()


#: Where Linux keeps the id of a machine; elsewhere its name has to do.
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
