"""Options and arguments that more than one command has."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jobs.durations import parse_duration
from nightmill.cli import completion

if TYPE_CHECKING:
    from nightmill.pausing import Target

#: What is asked of the model.
Endpoint = Literal["chat", "embeddings"]

#: Which rows of the results are written.
Which = Literal["failed", "succeeded"]

#: What result lines look like.
Form = Literal["rows", "openai"]


def share(text: str) -> float:
    """A share as people write it, `0.2` or `20%`; 0 to 1."""
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest or not 0 <= value <= 1:
        raise typer.BadParameter(f"expected a share from 0 to 1, such as 0.2 or 20%, got {text}")
    return value


def duration(text: str) -> float:
    """Seconds of a duration as people write it."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def named(target: "Target") -> dict[str, str]:
    """What a command was about, for programs: the id of a batch, or the name of a pool."""
    return {"id" if target.kind == "batch" else "pool": target.name}


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
PoolOrBatch = Annotated[
    str,
    typer.Argument(
        metavar="POOL|BATCH",
        help="Name of a pool; or id of a batch, the beginning of it, or its name.",
        autocompletion=completion.pools_and_batches,
    ),
]
TunnelName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="Name of the tunnel, as in [tunnel.NAME]; needs not be given where there is but one.",
        autocompletion=completion.tunnels,
        show_default=False,
    ),
]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="Files of rows: JSONL (rows or OpenAI batch lines), CSV, Parquet, text with a prompt"
        " a line; patterns such as 'more/*.csv'; - for standard input.",
    ),
]
InputForm = Annotated[
    Literal["jsonl", "csv", "parquet", "text"] | None,
    typer.Option("--input-format", help="How inputs are read; else by their endings, or as JSONL."),
]
Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Encoding of inputs that are text, as in latin-1 (UTF-8)."),
]
Limit = Annotated[
    int | None, typer.Option(metavar="N", help="Run the first N rows only; later run them all.")
]
Sample = Annotated[
    int | None, typer.Option(metavar="N", help="Run N rows by chance, which --seed chooses.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read everything and say what would run; send nothing.")
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
PromptFile = Annotated[
    Path | None,
    typer.Option("--prompt-file", metavar="FILE", help="Template of the prompt, from a file."),
]
SystemFile = Annotated[
    Path | None,
    typer.Option("--system-file", metavar="FILE", help="Template of the system message."),
]
MessagesFile = Annotated[
    Path | None,
    typer.Option(
        "--messages-file",
        metavar="FILE",
        help="JSON list of {role, content}: example turns before every prompt.",
    ),
]
Schema = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="JSON Schema that every answer has to fit."),
]
Choices = Annotated[
    str | None,
    typer.Option(metavar="A,B,C", help="Every answer has to be one of these words."),
]
AskedOf = Annotated[
    Endpoint | None,
    typer.Option("--endpoint", help="Answer rows, or turn their texts into vectors (chat)."),
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
Into = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Field of the results for the answer; nightmill_NAME where a row has that already.",
    ),
]
Format = Annotated[
    Form | None, typer.Option("--format", help="Result lines; else as the input's lines are.")
]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="What to call the batch, and no other.")
]
Priority = Annotated[
    int | None,
    typer.Option(metavar="N", min=-100, max=100, help="Batches with a higher one go first (0)."),
]
MaxRunning = Annotated[
    int | None,
    typer.Option(
        "--max-running", metavar="N", min=1, help="Rows run at once at most, over all hosts."
    ),
]
Deadline = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="What is not done in 8h, or at 07:00, expires."),
]
MaxFailures = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        parser=share,
        help="Pause when more than this of the last 100 rows failed (50%); 100% is never.",
    ),
]
Notify = Annotated[
    bool,
    typer.Option(
        "--notify",
        help="Tell me when it is over, paused or expired: on the desktop, or as [notify] says.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run everything again, answered or not.")]
Force = Annotated[
    bool, typer.Option("--force", help="Overwrite an output file that belongs to something else.")
]

Detach = Annotated[
    bool,
    typer.Option("--detach", help="Go on in the background, and print the id of the batch."),
]
AllowSleep = Annotated[
    bool, typer.Option("--allow-sleep", help="Do not keep this machine awake while jobs run.")
]
Only = Annotated[
    Which | None,
    typer.Option("--only", help="Rows with an answer, or those that ended without one."),
]

NO_ROOM_FOR_JSON = (
    "--json writes to standard output, where the results would go too: name a file for them"
    " with -o."
)
