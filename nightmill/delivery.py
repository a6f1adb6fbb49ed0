"""Handing out the answers of a batch."""

import sys
from pathlib import Path

from jobs.store.store import Store
from producer.export import export_file, write_results
from producer.plan import ResultKind


def deliver(store: Store, batch_id: str, output: Path | None, kind: ResultKind | None) -> int:
    """Write the answers there are to a file, or to standard output; how many rows that were.

    `kind` None is what the batch was submitted with.
    """
    if output is not None:
        return export_file(store, batch_id, output, kind)
    return write_results(store, batch_id, sys.stdout.buffer, kind)
