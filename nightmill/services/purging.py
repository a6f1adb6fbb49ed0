"""Removing all that Nightmill keeps on this machine, when the last service of it is gone."""

import shutil
from pathlib import Path

from jobs.errors import UsageError
from jobs.locks import FileLock
from nightmill.embedded.datadir import DataDir
from nightmill.services.facts import Site
from nightmill.services.installing import data_dir_of

#: What the data directory holds. Nothing else in it is ours to remove.
_OURS = (
    *("nightmill.db*", "nightmill.lock", "broker", "logs", "locks", "spool", "profiles"),
    *("tunnel", "services"),
)


def require_unused(data_dir: Path, site: Site, but: str) -> None:
    """Raise `UsageError` where another service, or a process, uses the data."""
    others = [
        each for each in site.installed() if each != but and data_dir_of(each, site) == data_dir
    ]
    if others:
        raise UsageError(
            f"{data_dir} is in use by {', '.join(others)}: uninstall those first, or leave --purge"
            " out. Nothing was changed."
        )


def purge(data_dir: Path) -> None:
    """Remove what is ours in a data directory, and the directory if nothing else is in it.

    Raises `UsageError` where a process of ours works there.
    """
    if not data_dir.is_dir():
        return
    _require_idle(DataDir(data_dir))
    for pattern in _OURS:
        for path in data_dir.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    if not any(data_dir.iterdir()):
        data_dir.rmdir()


def _require_idle(data_dir: DataDir) -> None:
    locks = [data_dir.lock, *data_dir.locks.glob("*.lock")] if data_dir.path.is_dir() else []
    for path in locks:
        if not path.exists():
            continue
        lock = FileLock(path)
        if not lock.try_acquire():
            raise UsageError(
                f"Something works with {data_dir.path} (it holds {path.name}), so it was not"
                " removed. End that, and give the command again."
            )
        lock.release()
