"""What `--dry-run` does, once the options are read."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from jobs.sizes import size_text
from nightmill.cli import words
from nightmill.cli.output import print_json, tell
from nightmill.cli.signals import Signals
from nightmill.rehearsing import DryRun, dry_run
from nightmill.request import Request
from nightmill.setup import read_settings
from producer.rehearsal import CHARS_PER_TOKEN, Prompt, Rehearsal, Spot

#: Bytes in the store from which on it is said what takes them.
MUCH_ROOM = 10**9
#: Characters of a message that are shown.
MOST_SHOWN = 2_000

NOTHING_DONE = "Nothing was sent and nothing stored."


def rehearse_request(request: Request, config: Path | None, *, json: bool) -> None:
    """Read the whole input and print what would run."""
    with Signals() as signals:
        found = dry_run(read_settings(config), request, signals.check)
    if json:
        print_json(**fields(found))
    else:
        tell(*lines(found, datetime.now().astimezone()))


def fields(dry: DryRun) -> dict[str, object]:
    """A dry run for programs."""
    found = msgspec.structs.asdict(dry.found)
    return {
        "dry_run": True,
        "source": dry.source,
        **found,
        "why": dry.why,
        "size": dry.model.size if dry.model else 0,
        "context": dry.model.context if dry.model else 0,
        "memory": dry.memory_bytes,
        "free_bytes": dry.free_bytes,
        "estimated_s": dry.estimated_s,
    }


def lines(dry: DryRun, now: datetime) -> list[str]:
    """A dry run for people."""
    found = dry.found
    said = [f"{words.count(found.rows, 'row')} of {dry.source} would run, by {dry.why}"]
    said += found.notes
    if found.bad_lines:
        said.append(f"{words.count(found.bad_lines, 'line')} cannot run:")
        said += [f"  {_place(fault)}: {fault.message}" for fault in found.faults]
        said += _more(found.bad_lines - len(found.faults))
    said += [_memory(dry), *_lengths(dry), *_room(found, dry.free_bytes), _end(dry, now)]
    for prompt in found.prompts:
        said += ["", f"--- {_place(prompt)}, to {prompt.model}", *_messages(prompt)]
    return [*said, "", NOTHING_DONE]


def _memory(dry: DryRun) -> str:
    size = dry.model.size if dry.model else 0
    needs = f"{size_text(size)} of {size_text(dry.memory_bytes)}" if size else "unknown"
    return f"memory for the model: {needs}"


def _lengths(dry: DryRun) -> list[str]:
    found = dry.found
    by = f"estimated at {CHARS_PER_TOKEN} characters a token"
    said = [f"prompts: {found.input_tokens:,} tokens, the longest {found.longest:,}; {by}"]
    context = dry.model.context if dry.model else 0
    if found.too_long:
        rows = words.count(found.too_long, "row")
        said.append(f"{rows} may be too long for the model's context with max_tokens; {by}:")
        said += [f"  {_place(spot)}" for spot in found.long_rows]
        said += _more(found.too_long - len(found.long_rows))
    elif not context:
        said.append("the model's context is unknown, and so is whether prompts fit it")
    return said


def _room(found: Rehearsal, free: int | None) -> list[str]:
    needed = size_text(found.store_bytes)
    said = [f"room in the store: about {needed} without the answers"]
    is_tight = free is not None and found.store_bytes > free
    if free is not None and is_tight:
        left = size_text(free) if free else "nothing"
        said.append(f"its disk has {left} free: a run would refuse to begin")
    if 2 * found.shared_bytes > found.store_bytes and (is_tight or found.store_bytes > MUCH_ROOM):
        said.append(
            f"{size_text(found.shared_bytes)} of that are the system message, the example turns and"
            " the schema, which every row stores again: shorter ones take less"
        )
    return said


def _end(dry: DryRun, now: datetime) -> str:
    if dry.estimated_s is None:
        return "time: unknown, there is no earlier batch with this model"
    end = now + timedelta(seconds=dry.estimated_s)
    batches = "1 earlier batch" if dry.batches == 1 else f"{dry.batches} earlier batches"
    return (
        f"time: about {words.duration(dry.estimated_s)}, so until {end:%a %H:%M} if begun now;"
        f" estimated from {batches} with this model"
    )


def _messages(prompt: Prompt) -> list[str]:
    return [f"[{message.role}] {_cut(message.content)}" for message in prompt.messages]


def _cut(text: str) -> str:
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}… ({words.count(len(text), 'character')} in all)"


def _place(spot: Spot) -> str:
    return f"line {spot.line}" + (f" of {spot.file}" if spot.file else "")


def _more(number: int) -> list[str]:
    return [f"  and {number:,} more"] if number else []
