"""The same command again goes on with the run that the first one began.

A run is known by its output path, or without one by the paths of its inputs, of which standard
input has its contents in place of a path. Which part of the input is wanted is no matter. Over the
same output another prompt, model or option is refused: it would mix two sets of answers in one
file.
"""

import hashlib
import os
from pathlib import Path

from jobs.errors import NoModelError, UsageError
from jobs.model import Batch
from jobs.store import batches
from jobs.store.store import Store
from producer.inputs import Input
from producer.lines import AUTO, ModelChoice
from producer.plan import SubmitPlan, shown_path
from producer.source import Source

#: Options whose values are texts of the user's, named but never shown.
_PRIVATE = frozenset({"prompt", "system", "messages", "schema", "stop"})
_FLAGS = {
    "kind": "--format",
    "prompt": "--prompt or --prompt-file",
    "system": "--system or --system-file",
    "messages": "--messages-file",
    "schema": "--schema or --choices",
}


def run_key(plan: SubmitPlan) -> str:
    """What makes two commands the same run: a hash of where the answers go."""
    if plan.output is not None:
        words = [b"output", _real(plan.output)]
    else:
        words = [b"input", *(_known_by(given) for given in plan.inputs)]
    return hashlib.blake2b(b"\0".join(words), digest_size=16).hexdigest()


def known_run(store: Store, plan: SubmitPlan) -> Batch | None:
    """The batch that this command goes on with; None if it begins one."""
    with store.read() as c:
        return batches.find(c, run_key(plan))


def refuse_other_options(batch: Batch, plan: SubmitPlan) -> None:
    """Raise `UsageError` naming what differs between a known run and this command."""
    differing = [
        _difference(name, batch.options.get(name), value)
        for name, value in plan.options.items()
        if batch.options.get(name) != value
    ]
    if differing:
        raise UsageError(
            f"{shown_path(plan.output or plan.source)} has answers of the batch {batch.id}"
            f" ({batch.name}), which has other options: {', '.join(differing)}. Give the same"
            " options, name another output with -o, or run everything again with --fresh."
        )


def choice_of(batch: Batch | None, plan: SubmitPlan) -> ModelChoice:
    """The model that a run is done with: `auto` is resolved once and then stays.

    Raises `NoModelError` when nobody has that model any more.
    """
    if batch is None or plan.options["model"] != AUTO:
        return plan.choice
    if plan.resolve_model(batch.model, plan.endpoint) is None:
        raise NoModelError(
            f"This run was begun with the model {batch.model}, which no pool has now. Put it back,"
            f" or run everything again with {plan.choice.model} by --fresh."
        )
    return ModelChoice(batch.model, batch.pool)


def _known_by(given: Input) -> bytes:
    if given.is_stdin:
        return b"-" + Source(given.path).hash.encode()
    return _real(given.path)


def _real(path: Path) -> bytes:
    return os.fsencode(os.path.realpath(path))


def _difference(name: str, before: object, now: object) -> str:
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    if name in _PRIVATE:
        return flag
    return f"{flag} ({_said(before)} then, {_said(now)} now)"


def _said(value: object) -> str:
    return "none" if value is None else str(value)
