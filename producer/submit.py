"""From an input file to a batch in the store: begun, gone on with, or begun again."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from jobs import ids
from jobs.codes import ErrorCode
from jobs.errors import StoppedEarlyError
from jobs.locks import FileLock
from jobs.model import Batch, NewBatch, NewJob
from jobs.states import BatchState
from jobs.store import actions, batches, editing, ingest
from jobs.store.editing import Changes
from jobs.store.store import Store
from producer import reopening
from producer.alterations import Alterations, alterations
from producer.lines import LineParser
from producer.plan import MAX_FAILURES, SubmitPlan, shown_path
from producer.probe import refuse_useless
from producer.reading import Reading
from producer.room import refuse_without_room
from producer.running_again import choice_of, known_run, refuse_other_options, run_key

#: Rows, and bytes of text, in one transaction at most.
CHUNK_ROWS = 2000
CHUNK_BYTES = 8_000_000

#: Seconds between two chunks in which others get to write.
PAUSE_S = 0.005

#: Faults of a line that may be gone without a change of the input.
_MACHINE_FAULTS = frozenset({ErrorCode.UNKNOWN_MODEL, ErrorCode.UNSUPPORTED_ENDPOINT})

#: Called after each chunk with the number of the last line stored and the bytes read so far.
OnProgress = Callable[[int, int], None]
Sleep = Callable[[float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """A batch with all of its input in it, and what this command did for that."""

    batch: Batch
    #: Whether the run was known from an earlier command.
    is_known: bool
    #: Whether the input was read in; not when it is the same as last time.
    was_read: bool
    #: Rows that the batch did not have; lines that cannot run included.
    new: int = 0
    #: Rows that keep their answers, or their place in the queue.
    kept: int = 0
    #: Rows whose request is another now: they run again.
    changed: int = 0
    #: Lines that cannot run, each with its record.
    bad_lines: int = 0
    #: Sentences about the input that its user should read.
    notes: tuple[str, ...] = ()
    #: What this command changed of a known run.
    altered: Alterations = field(default_factory=dict)

    def plus(self, chunk: Sequence[NewJob], added: ingest.Added) -> Self:
        """The same after one more chunk."""
        faults = sum(job.error_code is not None for job in chunk)
        return replace(
            self,
            new=self.new + added.new,
            kept=self.kept + added.kept,
            changed=self.changed + added.changed,
            bad_lines=self.bad_lines + faults + len(added.duplicates),
        )


def submit(
    store: Store,
    plan: SubmitPlan,
    locks_dir: Path,
    on_progress: OnProgress = lambda _lines, _bytes: None,
    sleep: Sleep = time.sleep,
) -> Submitted:
    """Bring the input into the store, or go on with the run that has it already.

    Accepted means committed and synced. While another process submits the same run this waits,
    by a lock in `locks_dir`. Raises `InputError` when nothing of the input can run, `UsageError`
    when the run is known with other options or a template names no column, and
    `StoppedEarlyError` when the same command would go on from where this one ended.
    """
    with _turn(locks_dir, run_key(plan)):
        known = known_run(store, plan)
        reading = Reading(plan, known.files if known is not None and not plan.is_fresh else ())
        if known is not None and not plan.is_fresh:
            refuse_other_options(known, plan)
            if _is_all_in(store, known, reading):
                return _resume(store, known, plan)
        return _read_in(store, plan, known, reading, on_progress=on_progress, sleep=sleep)


def _turn(locks_dir: Path, key: str) -> FileLock:
    # A lock file stays behind for good, so all runs share 256 of them.
    return FileLock(locks_dir / f"submit-{key[:2]}.lock")


def is_being_read(locks_dir: Path, key: str) -> bool:
    """Whether a process of this machine reads the input of a run, given its key."""
    turn = _turn(locks_dir, key)
    if not turn.try_acquire():
        return True
    turn.release()
    return False


def _is_all_in(store: Store, batch: Batch, reading: Reading) -> bool:
    """Whether the batch holds this very input, and reading it again would make it no better."""
    if batch.state is BatchState.INGESTING or reading.hash() != batch.source_hash:
        return False
    with store.read() as c:
        return not any(code in _MACHINE_FAULTS for code, *_ in batches.failures(c, batch.id))


def _resume(store: Store, batch: Batch, plan: SubmitPlan) -> Submitted:
    with store.read() as c:
        counts = batches.counts(c, batch.id)
    if counts.total > counts.succeeded + counts.failed:
        choice_of(batch, plan)
    change = partial(_take_changes, batch_id=batch.id, plan=plan)
    altered = reopening.resume(store, batch.id, change)
    with store.read() as c:
        batch = batches.get(c, batch.id)
    return Submitted(batch=batch, is_known=True, was_read=False, kept=counts.total, altered=altered)


def _read_in(
    store: Store,
    plan: SubmitPlan,
    known: Batch | None,
    reading: Reading,
    *,
    on_progress: OnProgress,
    sleep: Sleep,
) -> Submitted:
    going_on = None if plan.is_fresh else known
    parser = LineParser(choice_of(going_on, plan), plan.overrides, plan.resolve_model)
    refuse_useless(reading, parser, plan.overrides)
    if known is None:
        # What a batch has already takes no more room.
        refuse_without_room(store, reading, parser, plan.part)
    batch, altered = _begin(store, plan, known, reading)
    done = Submitted(
        batch=batch,
        is_known=going_on is not None,
        was_read=True,
        notes=reading.notes(),
        altered=altered,
    )
    for chunk in _chunks(starmap(parser.parse, reading.rows())):
        with store.write(durable=True) as c:
            done = done.plus(chunk, ingest.add(c, batch.id, batch.revision, chunk))
        on_progress(chunk[-1].line, reading.bytes_read)
        sleep(PAUSE_S)
    if changed := reading.changed():
        raise StoppedEarlyError(
            f"{changed} was written to while it was read. When it is complete, give the same"
            " command again: rows that are the same are kept."
        )
    if batch.revision > 1:
        reopening.end_reading(store, batch.id, batch.revision)
    known_by = reading.hash() or ""
    with store.write(durable=True) as c:
        return replace(done, batch=batches.finish_ingest(c, batch.id, known_by, reading.files))


def _begin(
    store: Store, plan: SubmitPlan, known: Batch | None, reading: Reading
) -> tuple[Batch, Alterations]:
    with store.write(durable=True) as c:
        if known is not None and not plan.is_fresh:
            altered = _take_changes(c, known.id, plan)
            return batches.reopen_ingest(c, known.id, reading.files), altered
        if known is not None:
            batches.delete(c, known.id)
        if plan.name is not None:
            batches.refuse_taken(c, shown_path(plan.name))
        return batches.create(c, ids.batch_id(), _new_batch(plan, reading)), {}


def _take_changes(c: Connection, batch_id: str, plan: SubmitPlan) -> Alterations:
    """Take over what a command may change without being another run, and note what that was."""
    batches.lock(c, batch_id)
    before = batches.get(c, batch_id)
    if plan.name is not None and shown_path(plan.name) != before.name:
        batches.rename(c, batch_id, shown_path(plan.name))
    editing.change(
        c,
        batch_id,
        Changes(
            priority=plan.priority,
            max_failures=plan.max_failures,
            max_running=plan.max_running,
            deadline_in_s=plan.deadline_in_s,
        ),
    )
    if plan.notify:
        batches.want_notices(c, batch_id)
    altered = alterations(before, batches.get(c, batch_id))
    if altered:
        actions.note(c, plan.who, "edit", batch_id=batch_id, **altered)
    return altered


def _new_batch(plan: SubmitPlan, reading: Reading) -> NewBatch:
    return NewBatch(
        name=shown_path(plan.name or plan.title or reading.title),
        run_key=run_key(plan),
        source=shown_path(plan.source),
        output="" if plan.output is None else shown_path(plan.output.absolute()),
        into=plan.into,
        options=plan.options,
        model=plan.choice.model,
        pool=plan.choice.pool,
        files=reading.files,
        priority=0 if plan.priority is None else plan.priority,
        max_running=plan.max_running,
        deadline_in_s=plan.deadline_in_s,
        max_failures=MAX_FAILURES if plan.max_failures is None else plan.max_failures,
        notify=plan.notify,
    )


def _chunks(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    chunk: list[NewJob] = []
    size = 0
    for job in jobs:
        chunk.append(job)
        size += len(job.row or "") + len(job.body or "")
        if len(chunk) == CHUNK_ROWS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
