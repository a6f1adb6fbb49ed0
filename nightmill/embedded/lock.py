"""Who runs the services of a data directory: the holder of its lock, and nobody else."""

import os

from jobs.locks import FileLock
from nightmill.embedded.datadir import DataDir


def services_lock(data_dir: DataDir) -> FileLock:
    """The lock whose holder runs broker, dispatcher and workers for everybody."""
    return FileLock(data_dir.lock)


def take(lock: FileLock) -> bool:
    """Take the lock if it is free, leaving our process id for those who come later."""
    if not lock.try_acquire():
        return False
    lock.note(str(os.getpid()))
    return True


def holder(lock: FileLock) -> str:
    """The process that holds the lock, in words."""
    pid = lock.read_note().strip()
    return f"process {pid}" if pid else "another process"
