"""Handing out the answers of a batch."""

import sys
from pathlib import Path

from jobs.errors import UsageError
from jobs.locks import FileLock
from jobs.store import batches
from jobs.store.store import Store
from nightmill.status import Status
from producer.export import Only, export_file, write_results
from producer.plan import ResultKind


def refuse_foreign(output: Path | None, status: Status) -> None:
    """Raise `UsageError` where the answers would replace a file that is not the batch's own."""
    if output is None or not output.exists() or output.absolute() == Path(status.output):
        return
    if output.is_file() and output.stat().st_size:
        raise UsageError(
            f"{output} belongs to something else. Name another file with -o, or overwrite it with"
            " --force."
        )


def deliver(
    store: Store,
    batch_id: str,
    output: Path | None,
    kind: ResultKind | None,
    only: Only | None = None,
) -> int:
    """Write the answers there are to a file, or to standard output; how many rows that were.

    `kind` None is what the batch was submitted with.
    """
    if output is not None:
        return export_file(store, batch_id, output, kind, only)
    return write_results(store, batch_id, sys.stdout.buffer, kind, only)


def deliver_once(store: Store, batch_id: str, output: Path, locks: Path) -> None:
    """Write the answers of a batch that is over to its own output, and note that they are there.

    Does nothing where somebody has done it since the batch ended and the file is there: its owner
    may have gone on working with it. `locks` is the folder of locks.
    """
    # A lock file stays behind for good, so all batches share 256 of them.
    with FileLock(locks / f"deliver-{batch_id[-2:]}.lock"):
        with store.read() as c:
            is_done = batches.is_delivered(c, batch_id)
        if is_done and output.exists():
            return
        deliver(store, batch_id, output, None)
        with store.write() as c:
            batches.note_delivery(c, batch_id)
