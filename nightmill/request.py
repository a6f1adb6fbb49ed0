"""What a user asks to be done with an input, before anybody has looked for a model."""

from dataclasses import dataclass, field
from pathlib import Path

from producer.inputs import InputFormat
from producer.overrides import Overrides
from producer.part import Part
from producer.plan import ResultKind


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
    priority: int = 0
    #: Share of failures among its last rows above which the batch is paused; None: as it was.
    max_failures: float | None = None
    #: Tell its owner when it is over, paused or expired.
    notify: bool = False
    #: Run everything again, whatever was answered before.
    is_fresh: bool = False
    #: Overwrite an output file that belongs to something else.
    is_forced: bool = False
