"""What a program may say beside the rows that it submits."""

from pathlib import Path
from typing import Any, TypedDict

from jobs.errors import UsageError
from jobs.model import Endpoint
from nightmill.deadline import deadline_at
from nightmill.request import Request
from producer.overrides import Overrides
from producer.plan import ResultKind


class SubmitOptions(TypedDict, total=False):
    """How answers are made and where they go; the options of `nightmill submit`."""

    #: Name, alias or `auto`, which is the default.
    model: str
    #: Template of the prompt, with columns as in `… {column} …`.
    prompt: str | None
    #: Template of the system message.
    system: str | None
    #: Tokens that an answer may have; 1024 where nothing is said.
    max_tokens: int | None
    #: 0, the default, always takes the likeliest token.
    temperature: float | None
    top_p: float | None
    seed: int | None
    #: The answer ends before the first of these texts.
    stop: tuple[str, ...] | None
    #: Every answer is JSON that fits this JSON Schema, or one of the words of its `enum`.
    schema: dict[str, Any] | None
    #: `embeddings` turns the texts of the rows into vectors; `chat` is the default.
    endpoint: Endpoint | None
    #: Where `nightmill wait` writes the results; what is submitted again with it is known again.
    output: Path | str | None
    #: Name of the answer's field in files of results.
    into: str
    #: What lines of results look like: `rows` or `openai`.
    kind: ResultKind | None
    #: What to call the batch, and no other one is called.
    name: str | None
    #: Batches with a higher one go first; -100 to 100, 0 where nothing is said.
    priority: int | None
    #: Rows run at once at most, over all hosts.
    max_running: int | None
    #: What is not done by then expires: `8h` from now, `07:00`, or `2026-11-25T07:00`.
    deadline: str | None
    #: Share of the last 100 rows, 0 to 1: the batch is paused when more of them failed. 0.5 where
    #: nothing is said; 1 is never.
    max_failures: float | None
    #: Tell its owner when it is over, paused or expired, by what `[notify]` names.
    notify: bool
    #: Run everything again, answered or not.
    fresh: bool


def request_of(source: Path, options: SubmitOptions) -> Request:
    """The request for a file with these options.

    Raises `UsageError` for a value that cannot be used and `TypeError` for an unknown option.
    """
    unknown = options.keys() - SubmitOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
    max_failures = options.get("max_failures")
    if max_failures is not None and not 0 <= max_failures <= 1:
        raise UsageError(
            f"max_failures must be a share from 0 to 1, such as 0.2, got {max_failures}."
        )
    model = options.get("model", "auto")
    deadline = options.get("deadline")
    output, stop = options.get("output"), options.get("stop")
    return Request(
        sources=(source,),
        output=None if output is None else Path(output),
        overrides=Overrides(
            model=None if model == "auto" else model,
            prompt=options.get("prompt"),
            system=options.get("system"),
            max_tokens=options.get("max_tokens"),
            temperature=options.get("temperature"),
            top_p=options.get("top_p"),
            seed=options.get("seed"),
            stop=None if stop is None else tuple(stop),
            schema=options.get("schema"),
            endpoint=options.get("endpoint"),
        ),
        into=options.get("into", "response"),
        kind=options.get("kind"),
        name=options.get("name"),
        priority=options.get("priority"),
        max_running=options.get("max_running"),
        deadline=None if deadline is None else deadline_at(deadline),
        max_failures=max_failures,
        notify=options.get("notify", False),
        is_fresh=options.get("fresh", False),
    )
