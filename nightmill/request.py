"""What a user asks to be done with an input, before anybody has looked for a model."""

from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import UsageError
from producer.inputs import InputFormat
from producer.overrides import Overrides
from producer.part import Part
from producer.plan import ResultKind

#: The highest priority of a batch, and less than 0 the lowest.
MOST_URGENT = 100
#: More rows at once no store could count.
MOST_RUNNING = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """An input, where its answers go, and how they are made."""

    #: Files, patterns of files, or `-` for standard input.
    sources: tuple[Path, ...]
    #: None: each file as its ending says.
    input_format: InputFormat | None = None
    #: Of text; None is UTF-8.
    encoding: str | None = None
    #: The rows that are wanted.
    part: Part = field(default_factory=Part)
    #: None: standard output, or nowhere yet.
    output: Path | None = None
    overrides: Overrides = field(default_factory=Overrides)
    into: str = "response"
    kind: ResultKind | None = None
    #: What its user calls the batch, and no other one is called.
    name: str | None = None
    #: What it is called otherwise; None: as its input is.
    title: str | None = None
    #: None: as it was, or 0.
    priority: int | None = None
    #: Rows run at once at most; None: as it was, or as many as there is room.
    max_running: int | None = None
    #: When what is not done expires, in seconds since the epoch; None: as it was, or never.
    deadline: float | None = None
    #: Share of failures among its last rows above which the batch is paused; None: as it was.
    max_failures: float | None = None
    #: Tell its owner when it is over, paused or expired.
    notify: bool = False
    #: Run everything again, whatever was answered before.
    is_fresh: bool = False
    #: Overwrite an output file that belongs to something else.
    is_forced: bool = False

    def __post_init__(self) -> None:
        if self.priority is not None and abs(self.priority) > MOST_URGENT:
            raise UsageError(
                f"The priority must be from -{MOST_URGENT} to {MOST_URGENT}, got {self.priority}."
            )
        if self.max_running is not None and not 1 <= self.max_running <= MOST_RUNNING:
            raise UsageError(
                f"At least 1 row must be allowed to run, and at most {MOST_RUNNING:,}:"
                f" got {self.max_running} for max_running."
            )
