"""What a program may say beside the rows that it submits."""

from pathlib import Path
from typing import TypedDict

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
    #: Where `nightmill wait` writes the results; what is submitted again with it is known again.
    output: Path | str | None
    #: Name of the answer's field in files of results.
    into: str
    #: What lines of results look like: `rows` or `openai`.
    kind: ResultKind | None
    #: What to call the batch.
    name: str | None
    #: Batches with a higher one go first.
    priority: int
    #: Run everything again, answered or not.
    fresh: bool


def request_of(source: Path, options: SubmitOptions) -> Request:
    """The request for a file with these options.

    Raises `UsageError` for a value that cannot be used and `TypeError` for an unknown option.
    """
    unknown = options.keys() - SubmitOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
    model = options.get("model", "auto")
    output, stop = options.get("output"), options.get("stop")
    return Request(
        source=source,
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
        ),
        into=options.get("into", "response"),
        kind=options.get("kind"),
        name=options.get("name"),
        priority=options.get("priority", 0),
        is_fresh=options.get("fresh", False),
    )
