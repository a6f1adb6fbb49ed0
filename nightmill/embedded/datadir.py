"""What lies where in the data directory."""

import os
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import StoreError
from jobs.folders import PRIVATE, locks_in


@dataclass(frozen=True)
class DataDir:
    """The folder that holds all that Nightmill keeps on this machine."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by the process that runs the services of this machine."""
        return self.path / "nightmill.lock"

    @property
    def broker(self) -> Path:
        """Where the embedded broker works."""
        return self.path / "broker"

    @property
    def tunnel(self) -> Path:
        """What belongs to tunnels alone: pinned keys, and the sockets by which they are asked."""
        return self.path / "tunnel"

    @property
    def logs(self) -> Path:
        """Where children write what they have to say."""
        return self.path / "logs"

    @property
    def locks(self) -> Path:
        """Locks of all kinds, one file each."""
        return locks_in(self.path)

    def log_of(self, child: str) -> Path:
        """The log of one child, such as `broker` or `worker-mlx`."""
        return self.logs / f"{child}.log"

    def log_of_run(self, batch_id: str) -> Path:
        """Where a run writes what nobody is there to read."""
        return self.log_of(f"run-{batch_id}")

    def prepare(self) -> None:
        """Make what is missing, for the owner's eyes only; raises `StoreError` where it cannot."""
        try:
            for folder in (self.path, self.broker, self.logs, self.locks):
                folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError("no right to write there")
        except OSError as error:
            raise StoreError(self.unwritable(error.strerror or str(error))) from error

    def unwritable(self, reason: str) -> str:
        """The sentence for a data directory that cannot be used."""
        return (
            f"The data directory {self.path} cannot be written: {reason}. Make it writable, or"
            " choose another with NIGHTMILL_DATA_DIR, then give the same command again."
        )
