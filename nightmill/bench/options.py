"""What a bench is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Told, in one sentence, how far a bench is.
OnProgress = Callable[[str], None]


def ignore_progress(sentence: str) -> None:
    """For whoever does not want to know."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """How large a bench is, and where it keeps what it writes while it runs."""

    #: Where temporary stores are made; on a disk, because memory would flatter both sides.
    folder: Path
    #: `sqlite`, `postgres` (one of our own), or the URL of a Postgres server; empty: what can be
    #: had here without a server of yours, and makes a difference to the bench.
    stores: tuple[str, ...] = ()
    #: How often both sides are measured.
    runs: int = 5
    #: Jobs, lines, rows or MiB, by the bench; None is what its figures are meant for.
    size: int | None = None
    #: A model folder in mlx-lm's format; None is the demo model.
    model: Path | None = None
    #: Where the Ollama of the ollama bench is; None is a stand-in that answers at once.
    url: str | None = None
