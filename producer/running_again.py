"""The same command again goes on with the run that the first one began.

A run is known by its output path, or without one by its input path. Over the same output another
prompt, model or option is refused: it would mix two sets of answers in one file.
"""

import hashlib
import os

from jobs.errors import NoModelError, UsageError
from jobs.model import Batch
from jobs.store import batches
from jobs.store.store import Store
from producer.lines import AUTO, ModelChoice
from producer.plan import SubmitPlan, shown_path

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
    path = plan.source if plan.output is None else plan.output
    role = b"input" if plan.output is None else b"output"
    real = os.fsencode(os.path.realpath(path))
    return hashlib.blake2b(role + b"\0" + real, digest_size=16).hexdigest()


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
            f"{shown_path(plan.output or plan.source)} has answers of a run with other options:"
            f" {', '.join(differing)}. Give the same options, name another output with -o, or run"
            " everything again with --fresh."
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


def _difference(name: str, before: object, now: object) -> str:
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    if name in _PRIVATE:
        return flag
    return f"{flag} ({_said(before)} then, {_said(now)} now)"


def _said(value: object) -> str:
    return "none" if value is None else str(value)
