"""The file that results go to: can it be written, and is it ours to overwrite?"""

import os
import stat
from pathlib import Path

import msgspec

from jobs.errors import UsageError
from jobs.store.store import Store
from producer.beside import reason, try_beside
from producer.plan import ResultKind, SubmitPlan
from producer.raw import MAX_LINE
from producer.result_rows import TAKEN_PREFIX
from producer.running_again import known_run
from producer.writers import column_names_of, table_writer_of, writer_for


def check_place(path: Path | None, kind: ResultKind | None) -> None:
    """Raise `UsageError` unless results of this kind can be written there, whatever is there now.

    Asking for permission is not enough: a disk may be full or read-only, a folder may take no
    files. So a file is made beside it, as it will be for the results, and removed.
    """
    if path is None:
        return
    writer_for(path, kind)
    try:
        _refuse_special(path)
        try_beside(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {reason(error)}. Name another file with -o."
        ) from error


def check_output(store: Store | None, plan: SubmitPlan, *, is_forced: bool = False) -> None:
    """Raise `UsageError` unless what is at the place of the plan's output may be replaced.

    Refused are the input itself and, unless `is_forced`, a file with contents that are not this
    run's results. Where there is no store yet, no file is.
    """
    path = plan.output
    if path is None or not path.exists():
        return
    if any(given.path.exists() and path.samefile(given.path) for given in plan.inputs):
        which = "the input" if len(plan.inputs) == 1 else "one of the inputs"
        raise UsageError(f"{path} is {which}. Name another file for the results with -o.")
    if not is_forced and path.stat().st_size and not _is_ours(store, plan, path):
        raise UsageError(
            f"{path} belongs to something else. Name another file with -o, or overwrite it with"
            " --force."
        )


def _refuse_special(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        raise UsageError(f"{path} is a directory. Name a file in it with -o.")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise UsageError(f"{path} is not a regular file. Leave -o out to write to standard output.")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, so {path} cannot be in it. Name another with -o.")
    if not folder.is_dir():
        raise UsageError(f"The folder of {path} does not exist. Create it first.")


def _is_ours(store: Store | None, plan: SubmitPlan, path: Path) -> bool:
    return store is not None and known_run(store, plan) is not None and _looks_like_results(path)


def _looks_like_results(path: Path) -> bool:
    if table_writer_of(path) is not None:
        return bool({"error_code", f"{TAKEN_PREFIX}error_code"} & set(column_names_of(path)))
    with path.open("rb") as file:
        first = file.readline(2 * MAX_LINE)
    try:
        fields = msgspec.json.decode(first, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return bool(fields.keys() & {"error", f"{TAKEN_PREFIX}error"})
