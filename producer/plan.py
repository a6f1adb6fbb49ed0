"""What a command asks to be done with one input."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import msgspec

from jobs.errors import UsageError
from jobs.model import Endpoint, request_hash
from producer.inputs import Input
from producer.lines import AUTO, ModelChoice, ResolveModel
from producer.overrides import Overrides
from producer.part import Part

#: `rows`: the row's fields and the answer; `openai`: OpenAI's output lines.
ResultKind = Literal["rows", "openai"]

#: Names that results use beside the answer's.
RESULT_FIELDS = frozenset(
    {
        *("file", "line", "error", "model", "tokens", "finish_reason", "reasoning"),
        # In tables, which hold no objects.
        *(
            "error_code",
            "error_message",
            "error_file",
            "error_line",
            "input_tokens",
            "output_tokens",
        ),
    }
)


#: More failures than answers: hardly what anybody wants to go on for a night.
MAX_FAILURES = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitPlan:
    """An input, where its answers go, and how they are made.

    Raises `UsageError` for an `into` that results cannot have, and for an empty name.
    """

    #: At least one.
    inputs: tuple[Input, ...]
    #: The rows of them that are wanted.
    part: Part = field(default_factory=Part)
    #: None: the answers go to standard output.
    output: Path | None = None
    overrides: Overrides = field(default_factory=Overrides)
    #: What `overrides.model`, or else `auto`, was found to be.
    choice: ModelChoice
    resolve_model: ResolveModel
    #: Name of the answer's field in the results.
    into: str = "response"
    #: What its user calls the batch, and no other one is called.
    name: str | None = None
    #: What it is called otherwise; None: as its input is.
    title: str | None = None
    #: None: `openai` if all usable lines are OpenAI's, else `rows`.
    kind: ResultKind | None = None
    #: Run everything again, whatever was answered before.
    is_fresh: bool = False
    #: None: as it was, or for a new batch 0.
    priority: int | None = None
    #: Jobs in flight at once at most. None: as it was, or for a new batch as many as fit.
    max_running: int | None = None
    #: Seconds from now after which what is not done expires. None: as it was, or never.
    deadline_in_s: float | None = None
    #: Share of failures among its last rows above which the batch is paused. None: as it was, or
    #: for a new batch `MAX_FAILURES`.
    max_failures: float | None = None
    #: Tell its owner when it is over, paused or expired.
    notify: bool = False
    #: Who gives the command, for the history of a batch.
    who: str = ""

    def __post_init__(self) -> None:
        if not self.into or not self.into.isprintable() or self.into in RESULT_FIELDS:
            taken = ", ".join(sorted(RESULT_FIELDS))
            raise UsageError(f"--into must be a name that can be printed, other than {taken}.")
        if self.name == "":
            raise UsageError("The name of a batch must not be empty.")
        if self.kind is not None and self.kind not in get_args(ResultKind):
            raise UsageError("The kind of results must be rows or openai.")

    @property
    def endpoint(self) -> Endpoint:
        """What `choice` was chosen for."""
        return self.overrides.endpoint or "chat"

    @property
    def source(self) -> str:
        """What messages call the input."""
        first, *others = self.inputs
        return f"{first.name} and {len(others)} more" if others else first.name

    @property
    def options(self) -> dict[str, str | int | float | None]:
        """What two commands over the same output have to agree on."""
        flags = self.overrides
        return {
            "prompt": flags.prompt,
            "system": flags.system,
            "messages": _known_by(flags.turns),
            "schema": _known_by(flags.schema),
            "endpoint": flags.endpoint,
            "model": flags.model or AUTO,
            "max_tokens": flags.max_tokens,
            "temperature": flags.temperature,
            "top_p": flags.top_p,
            # Where nothing is left to chance it changes no answer; a line with a temperature of
            # its own is known by its request.
            "seed": flags.seed if flags.temperature else None,
            "stop": None if flags.stop is None else "\n".join(flags.stop),
            "into": self.into,
            "kind": self.kind,
        }


def _known_by(value: object) -> str | None:
    """A short text that stands for a value which may be large; None where nothing was given."""
    return None if value is None else request_hash(msgspec.json.encode(value))


def shown_path(path: Path | str) -> str:
    """A path as text that can be stored and printed, whatever bytes it has."""
    return os.fsencode(path).decode(errors="replace")
