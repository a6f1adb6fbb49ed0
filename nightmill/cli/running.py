"""What `run` does, once its options are read."""

import shlex
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from jobs.errors import UsageError
from jobs.store.store import Store
from nightmill.cli import options, words
from nightmill.cli.background import detach
from nightmill.cli.changes import in_words
from nightmill.cli.finish import Course, finish
from nightmill.cli.output import say, standard_output
from nightmill.cli.signals import STOPS, Signals
from nightmill.cli.summary import counts
from nightmill.cli.terminal import Terminal
from nightmill.delivery import deliver, deliver_once
from nightmill.embedded.datadir import DataDir
from nightmill.intake import Accepted, take_in
from nightmill.looking import look
from nightmill.request import Request
from nightmill.setup import open_store, read_settings
from nightmill.status import Status
from producer.submit import Submitted
from producer.writers import note_on_ending


def run_request(
    request: Request, config: Path | None, *, json: bool, allow_sleep: bool = False
) -> None:
    """Take the input in, run it to its end and deliver the results."""
    if json and request.output is None:
        raise UsageError(options.NO_ROOM_FOR_JSON)
    began = time.monotonic()
    settings = read_settings(config, allow_sleep=allow_sleep)
    data_dir = DataDir(settings.data_dir)
    with Terminal() as terminal, Signals(*STOPS) as signals, closing(open_store(settings)) as store:
        accepted = take_in(settings, store, request, lambda _lines, _bytes: signals.check())
        batch_id = accepted.submitted.batch.id
        terminal.log_to(data_dir.log_of_run(batch_id))
        found = found_in_words(accepted.submitted, look(store, batch_id))
        say(*plan_in_words(accepted, request, "standard output"), *found)
        again = _way_on(batch_id)
        course = Course(
            settings=settings,
            store=store,
            batch_id=batch_id,
            signals=signals,
            terminal=terminal,
            again=again,
            resume=again,
            began=began,
            json=json,
        )
        to_user = partial(
            deliver_results, store, batch_id, request.output, terminal, data_dir.locks
        )
        finish(course, to_user)


def run_request_in_background(
    request: Request, config: Path | None, *, json: bool, allow_sleep: bool = False
) -> None:
    """Take the input in, and leave the rest to a process that outlives this one."""
    settings = read_settings(config, allow_sleep=allow_sleep)
    with Terminal(), Signals(*STOPS) as signals, closing(open_store(settings)) as store:
        accepted = take_in(settings, store, request, lambda _lines, _bytes: signals.check())
        status = look(store, accepted.submitted.batch.id)
        if not json:
            found = found_in_words(accepted.submitted, status)
            say(*plan_in_words(accepted, request, "the store"), *found)
        detach(
            settings,
            status,
            config=config,
            has_output=request.output is not None,
            json=json,
            check=signals.check,
        )


def _way_on(batch_id: str) -> str:
    """The command that goes on; prompts that were typed stay out of logs."""
    typed = sys.argv[1:]
    if not sys.stderr.isatty() and any(word.startswith(("--prompt", "--system")) for word in typed):
        return f"nightmill wait {batch_id}"
    return shlex.join(["nightmill", *typed])


def deliver_results(
    store: Store, batch_id: str, output: Path | None, terminal: Terminal, locks: Path
) -> None:
    """Hand out the answers of a batch that is over; they are no words for a log.

    A file that has them already is left as it is: its owner may have gone on working with it.
    """
    if output is not None:
        deliver_once(store, batch_id, output, locks)
    elif terminal.took_stdout:
        say(f"Nobody was there to read the results. See: nightmill results {batch_id}")
    else:
        with standard_output():
            deliver(store, batch_id, None, None)


def plan_in_words(accepted: Accepted, request: Request, elsewhere: str) -> list[str]:
    """What is going to happen: how many rows, by which model and why, and where they go.

    `elsewhere` is where answers go without `-o`.
    """
    done = accepted.submitted
    rows = words.count(done.new + done.kept + done.changed, "row")
    to = request.output or elsewhere
    said = [f"{rows} of {accepted.source} → {to}, by {_model(accepted)}"]
    said += done.notes
    if accepted.found_at and done.batch.pool == accepted.choice.pool:
        said.append(f"pool {accepted.choice.pool} is the server found at {accepted.found_at}")
    if (prompt := request.overrides.templates().prompt) is not None and not prompt.columns:
        said.append("every row gets the same prompt: the template names no {column}")
    if note := note_on_ending(request.output):
        said.append(note)
    if done.bad_lines:
        said.append(f"{words.count(done.bad_lines, 'line')} cannot run; the summary says why")
    return said


def found_in_words(done: Submitted, status: Status) -> list[str]:
    """Of a run that was known: how far it is, what came to it, and what was changed of it."""
    if not done.is_known:
        return []
    said = [f"known as {done.batch.id} ({done.batch.name}): {counts(status)}; {_input(done)}"]
    if done.altered:
        said.append(f"changed: {', '.join(in_words(done.altered))}")
    return said


def _input(done: Submitted) -> str:
    if not done.was_read:
        return "its input is the same"
    parts = {"new": done.new, "changed": done.changed, "as before": done.kept}
    return ", ".join(f"{rows:,} {what}" for what, rows in parts.items() if rows)


def _model(accepted: Accepted) -> str:
    batch, choice = accepted.submitted.batch, accepted.choice
    if batch.model != choice.model.name:
        return f"{batch.model}, as when it was begun"
    return choice.why
