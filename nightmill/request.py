"""What a user asks to be done with one input, before anybody has looked for a model."""

from dataclasses import dataclass, field
from pathlib import Path

from producer.overrides import Overrides
from producer.plan import ResultKind


@dataclass(frozen=True, kw_only=True)
class Request:
    """One input, where its answers go, and how they are made."""

    source: Path
    #: None: standard output, or nowhere yet.
    output: Path | None = None
    overrides: Overrides = field(default_factory=Overrides)
    into: str = "response"
    kind: ResultKind | None = None
    name: str | None = None
    priority: int = 0
    #: Share of failures among its last rows above which the batch is paused; None: as it was.
    max_failures: float | None = None
    #: Run everything again, whatever was answered before.
    is_fresh: bool = False
    #: Overwrite an output file that belongs to something else.
    is_forced: bool = False
