"""What `run` does, once its options are read."""

import shlex
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from jobs.errors import UsageError
from nightmill.cli import options, words
from nightmill.cli.finish import Course, finish
from nightmill.cli.output import say
from nightmill.cli.signals import Signals
from nightmill.delivery import deliver
from nightmill.intake import Accepted, take_in
from nightmill.request import Request
from nightmill.setup import open_store, read_settings


def run_request(request: Request, config: Path | None, *, json: bool) -> None:
    """Take the input in, run it to its end and deliver the results."""
    if json and request.output is None:
        raise UsageError(options.NO_ROOM_FOR_JSON)
    began = time.monotonic()
    settings = read_settings(config)
    with Signals() as signals, closing(open_store(settings)) as store:
        accepted = take_in(settings, store, request, lambda _lines, _bytes: signals.check())
        say(*plan_in_words(accepted, request))
        batch_id = accepted.submitted.batch.id
        course = Course(
            settings=settings,
            store=store,
            batch_id=batch_id,
            signals=signals,
            again=shlex.join(["nightmill", *sys.argv[1:]]),
            began=began,
            json=json,
        )
        finish(course, partial(deliver, store, batch_id, request.output, None))


def plan_in_words(accepted: Accepted, request: Request) -> list[str]:
    """What is going to happen: how many rows, by which model and why, and where they go."""
    done = accepted.submitted
    rows = words.count(done.new + done.kept + done.changed, "row")
    to = request.output or "standard output"
    said = [f"{rows} of {request.source} → {to}, by {_model(accepted)}"]
    if accepted.found_at:
        said.append(f"pool {accepted.choice.pool} is the server found at {accepted.found_at}")
    if done.bad_lines:
        said.append(f"{words.count(done.bad_lines, 'line')} cannot run; the summary says why")
    return said


def _model(accepted: Accepted) -> str:
    batch, choice = accepted.submitted.batch, accepted.choice
    if batch.model != choice.model.name:
        return f"{batch.model}, as when it was begun"
    return choice.why
