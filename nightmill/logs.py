"""Where log records of a process of ours go, and what they look like."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightmill.embedded.child import rotate

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"

#: One line for each message of the broker or request to a server is too much for a night of work.
CHATTY = ("celery", "kombu", "amqp", "alembic", "asyncssh", "httpx2", "httpcore2")


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """While the block lasts, records of this process go to the end of a file."""
    rotate(path)
    handler = _LogFile(path)
    _use(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def log_to_stderr() -> None:
    """Write the records of this process to standard error."""
    _use(logging.StreamHandler(sys.stderr))


def _use(handler: logging.Handler) -> None:
    handler.setFormatter(_WithAction(FORM))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _LogFile(logging.FileHandler):
    """A log for its own sake: when it cannot be written, the work goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Say nothing: a full disk is told by whoever could not store what matters."""

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


class _WithAction(logging.Formatter):
    """Ends a line with the fixed word that machines know the event by."""

    def format(self, record: logging.LogRecord) -> str:
        action = getattr(record, "action", None)
        text = super().format(record)
        return text if action is None else f"{text} [{action}]"
