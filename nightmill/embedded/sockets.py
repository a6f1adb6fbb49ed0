"""Where our Unix sockets lie: nobody but their owner gets there, and their paths are short."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jobs.errors import BrokerError, UsageError
from jobs.folders import make_private
from nightmill.embedded.datadir import DataDir

#: The most bytes that every system takes as the path of a Unix socket, with room to spare.
MAX_SOCKET_PATH = 100


def socket_path(data_dir: DataDir, short_folders: Iterable[Path]) -> Path:
    """Where the broker listens: in the data directory, unless its path is too long for a socket.

    Then in a private folder below the first of `short_folders` that is short enough, under a name
    that belongs to this data directory. Raises `BrokerError` where none will do.
    """
    socket = data_dir.broker / "broker.sock"
    placed = _placed(socket, data_dir, "", short_folders)
    if placed is None:
        raise BrokerError(_no_place("broker", socket))
    return placed


def tunnel_socket(data_dir: DataDir, name: str, short_folders: Iterable[Path]) -> Path:
    """Where a tunnel that runs can be asked, likewise; `UsageError` where no place will do."""
    socket = data_dir.tunnel / f"{name}.sock"
    placed = _placed(socket, data_dir, f"-tunnel-{name}", short_folders)
    if placed is None:
        raise UsageError(_no_place("tunnel", socket))
    return placed


def short_folders() -> tuple[Path, ...]:
    """Folders for what need not outlive this machine's next start, the better one first."""
    return Path(tempfile.gettempdir()), Path("/tmp")  # noqa: S108  (made private below)


def fits(socket: Path) -> bool:
    """Whether every system takes this path as a Unix socket's."""
    return len(os.fsencode(socket)) <= MAX_SOCKET_PATH


def _placed(
    socket: Path, data_dir: DataDir, ending: str, short_folders: Iterable[Path]
) -> Path | None:
    if fits(socket):
        return socket
    owner = hashlib.blake2b(os.fsencode(data_dir.path.resolve()), digest_size=6).hexdigest()
    for folder in short_folders:
        private = folder / f"nightmill-{os.getuid()}"
        short = private / f"{owner}{ending}.sock"
        if fits(short) and _is_private(private):
            return short
    return None


def _no_place(whose: str, socket: Path) -> str:
    return (
        f"The {whose}'s socket path {socket} has more than {MAX_SOCKET_PATH} bytes, and no short"
        " temporary folder of your own could be made. Choose a shorter data directory with"
        " NIGHTMILL_DATA_DIR, then give the same command again."
    )


def _is_private(folder: Path) -> bool:
    """Make the folder if it is missing; say whether it is ours alone."""
    try:
        make_private(folder)
    except OSError:
        return False
    return True
