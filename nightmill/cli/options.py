"""Options and arguments that more than one command has."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nightmill.cli import completion

#: What result lines look like.
Form = Literal["rows", "openai"]


Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file to use.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

BatchId = Annotated[
    str,
    typer.Argument(
        metavar="BATCH",
        help="Id of the batch, the beginning of it, or its name.",
        autocompletion=completion.batches,
    ),
]
Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="JSONL file of rows or of OpenAI batch lines.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where results go; else standard output."),
]
Prompt = Annotated[
    str | None,
    typer.Option(metavar="TEMPLATE", help="Make the prompt from columns, as in '… {column} …'."),
]
System = Annotated[
    str | None, typer.Option(metavar="TEMPLATE", help="System message for every row.")
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Model for every row; see `nightmill models`.",
        autocompletion=completion.models,
    ),
]
MaxTokens = Annotated[
    int | None, typer.Option(metavar="N", help="Tokens an answer may have (1024).")
]
Temperature = Annotated[
    float | None, typer.Option(metavar="X", help="0 always takes the likeliest token (0).")
]
TopP = Annotated[
    float | None, typer.Option(metavar="X", help="Keep the likeliest tokens up to this mass (1).")
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="The same seed, the same answer.")]
Stop = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="The answer ends before this; may be given again."),
]
Into = Annotated[str, typer.Option(metavar="NAME", help="Field of the results for the answer.")]
Format = Annotated[
    Form | None, typer.Option("--format", help="Result lines; else as the input's lines are.")
]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="What to call the batch.")]
Priority = Annotated[int, typer.Option(metavar="N", help="Batches with a higher one go first.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run everything again, answered or not.")]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite an output file that belongs to something else.")
]

NO_ROOM_FOR_JSON = (
    "--json writes to standard output, where the results would go too: name a file for them"
    " with -o."
)
