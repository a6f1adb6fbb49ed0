"""Where log records of a process of ours go, and what they look like."""

import logging
import sys
from pathlib import Path

from nightmill.embedded.child import rotate

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"

#: One line for each message of the broker is too much for a night of work.
CHATTY = ("celery", "kombu", "amqp", "alembic")


def log_to_file(path: Path) -> None:
    """Write the records of this process to the end of a file."""
    rotate(path)
    _use(logging.FileHandler(path))


def log_to_stderr() -> None:
    """Write the records of this process to standard error."""
    _use(logging.StreamHandler(sys.stderr))


def _use(handler: logging.Handler) -> None:
    handler.setFormatter(_WithAction(FORM))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _WithAction(logging.Formatter):
    """Ends a line with the fixed word that machines know the event by."""

    def format(self, record: logging.LogRecord) -> str:
        action = getattr(record, "action", None)
        text = super().format(record)
        return text if action is None else f"{text} [{action}]"
