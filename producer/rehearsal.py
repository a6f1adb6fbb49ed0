"""What a submit would bring in: all of the input is read and checked, and nothing is stored."""

from collections.abc import Callable, Mapping

import msgspec

from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, Message, NewJob, Places
from jobs.store.store import Store
from producer.lines import LineParser
from producer.plan import SubmitPlan
from producer.probe import refuse_useless
from producer.reading import Reading
from producer.room import room_of, shared_room
from producer.running_again import choice_of, known_run, refuse_other_options

#: Prompts, and lines of each kind of trouble, that are shown.
SHOWN_PROMPTS = 3
SHOWN_LINES = 5
#: What a token has on average in English; other languages have fewer.
CHARS_PER_TOKEN = 4

#: Rows between two calls of `check`.
_CHECK_EVERY = 1000

_request_of = msgspec.json.Decoder(GenerationRequest).decode


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the input, with its file where there are several."""

    file: str | None
    line: int


class Fault(Spot, frozen=True, kw_only=True):
    """A line that cannot run."""

    code: ErrorCode
    message: str


class Prompt(Spot, frozen=True, kw_only=True):
    """What a model would be sent for a line."""

    model: str
    messages: tuple[Message, ...]


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the rows that are wanted."""

    #: The model of all rows that name none.
    model: str
    pool: str
    #: Rows that can run.
    rows: int
    #: Lines that cannot, and the first of them.
    bad_lines: int
    faults: tuple[Fault, ...]
    #: The first requests as they would be sent.
    prompts: tuple[Prompt, ...]
    #: Estimated, at `CHARS_PER_TOKEN`: tokens of all prompts, and of the longest one.
    input_tokens: int
    longest: int
    #: Rows that by this estimate do not fit their model's context, and the first of them.
    too_long: int
    long_rows: tuple[Spot, ...]
    #: Bytes that the rows take in the store, without their answers; and how many of them are for
    #: what every row says again: system message, example turns and schema.
    store_bytes: int
    shared_bytes: int
    #: Sentences about the input that its user should read.
    notes: tuple[str, ...]


def rehearse(
    store: Store | None,
    plan: SubmitPlan,
    contexts: Mapping[str, int],
    check: Callable[[], None] = lambda: None,
) -> Rehearsal:
    """Read the whole input as `submit` would; raises what that would raise before it stores.

    `contexts` are the tokens that each model has room for, 0 where that is not known. `check` is
    called now and then and may raise to end it.
    """
    known = None if store is None or plan.is_fresh else known_run(store, plan)
    if known is not None:
        refuse_other_options(known, plan)
    reading = Reading(plan, () if known is None else known.files)
    choice = choice_of(known, plan)
    parser = LineParser(choice, plan.overrides, plan.resolve_model)
    refuse_useless(reading, parser, plan.overrides)
    notes = _Notes(contexts, shared_room(plan.overrides))
    for number, row in enumerate(reading.rows()):
        if number % _CHECK_EVERY == 0:
            check()
        notes.take(parser.parse(row.line, row.place))
    return notes.rehearsal(reading, choice.model, choice.pool)


class _Notes:
    """What is noted of the rows while they go by."""

    def __init__(self, contexts: Mapping[str, int], shared_room: int) -> None:
        self._contexts = contexts
        self._shared_room = shared_room
        self._store_bytes = 0
        #: Hashes, for a million of these are a hundred megabytes already.
        self._ids: set[int] = set()
        self._rows = self._bad_lines = self._tokens = self._longest = self._too_long = 0
        self._faults: list[NewJob] = []
        self._prompts: list[NewJob] = []
        self._long: list[int] = []

    def take(self, job: NewJob) -> None:
        """Note one row."""
        self._store_bytes += room_of(job)
        code = job.error_code or self._second_of_its_id(job)
        if code is not None:
            self._bad_lines += 1
            if len(self._faults) < SHOWN_LINES:
                message = job.error_message or f"{code.sentence} {code.way_out}"
                self._faults.append(
                    msgspec.structs.replace(job, error_code=code, error_message=message)
                )
            return
        self._rows += 1
        if len(self._prompts) < SHOWN_PROMPTS:
            self._prompts.append(job)
        self._measure(job)

    def rehearsal(self, reading: Reading, model: str, pool: str) -> Rehearsal:
        """All that was noted."""
        places = Places(reading.files)
        return Rehearsal(
            model=model,
            pool=pool,
            rows=self._rows,
            bad_lines=self._bad_lines,
            faults=tuple(
                Fault(file=file, line=line, code=job.error_code, message=job.error_message or "")
                for job in self._faults
                for file, line in [places.of(job.line)]
                if job.error_code is not None
            ),
            prompts=tuple(
                Prompt(
                    file=file,
                    line=line,
                    model=job.model,
                    messages=_request_of(job.body or "").messages,
                )
                for job in self._prompts
                for file, line in [places.of(job.line)]
            ),
            input_tokens=self._tokens,
            longest=self._longest,
            too_long=self._too_long,
            long_rows=tuple(
                Spot(file=file, line=line) for at in self._long for file, line in [places.of(at)]
            ),
            store_bytes=self._store_bytes,
            shared_bytes=self._rows * self._shared_room,
            notes=reading.notes(),
        )

    def _second_of_its_id(self, job: NewJob) -> ErrorCode | None:
        known_by = hash(job.custom_id)
        if known_by in self._ids:
            return ErrorCode.DUPLICATE_CUSTOM_ID
        self._ids.add(known_by)
        return None

    def _measure(self, job: NewJob) -> None:
        request = _request_of(job.body or "")
        chars = sum(len(message.content) for message in request.messages)
        tokens = -(-chars // CHARS_PER_TOKEN)
        self._tokens += tokens
        self._longest = max(self._longest, tokens)
        context = self._contexts.get(job.model, 0)
        if context and tokens + request.max_tokens > context:
            self._too_long += 1
            if len(self._long) < SHOWN_LINES:
                self._long.append(job.line)
