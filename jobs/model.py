"""The values that jobs are made of. Their `repr` shows sizes, never a prompt or an answer."""

import hashlib
from bisect import bisect_left
from typing import Any, Literal

import msgspec

from jobs.codes import ErrorCode
from jobs.states import TERMINAL, UNFINISHED, UNSUCCESSFUL, BatchState, JobState, number_in

Role = Literal["system", "user", "assistant"]

#: What is asked of a model: to go on with a conversation, or to turn a text into a vector.
Endpoint = Literal["chat", "embeddings"]

#: What an answer is: plain text, a JSON value that a schema asked for, or a vector as JSON.
Form = Literal["text", "json", "vector"]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a conversation."""

    role: Role
    content: str

    def __repr__(self) -> str:
        return f"Message({self.role}, {len(self.content)} chars)"


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a backend needs to know of one job; stored as JSON, hashed to know it again."""

    #: The model's name as its backend lists it; `auto` was resolved before.
    model: str
    messages: tuple[Message, ...]
    #: Tokens the answer may have at most, its end token included.
    max_tokens: int = 1024
    #: 0 is greedy.
    temperature: float = 0.0
    #: Keep the most likely tokens up to this probability mass; 1 keeps all.
    top_p: float = 1.0
    #: The same seed gives the same answer on the same machine; None is any.
    seed: int | None = None
    #: The answer ends before the first of these texts.
    stop: tuple[str, ...] = ()
    #: With `embeddings`, `messages` is one message of the user: the text to turn into a vector.
    endpoint: Endpoint = "chat"
    #: The JSON Schema that the answer has to fit; None is free text.
    schema: dict[str, Any] | None = None

    def __repr__(self) -> str:
        size = sum(len(message.content) for message in self.messages)
        return f"GenerationRequest({self.model}, {len(self.messages)} messages, {size} chars)"


class GenerationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend gives back when a generation came to its own end."""

    text: str
    #: `stop`: the model ended it; `length`: max_tokens did.
    finish_reason: Literal["stop", "length"]
    input_tokens: int
    output_tokens: int
    #: The model that really answered.
    model: str
    #: What a reasoning model thought before it answered.
    reasoning: str | None = None
    #: What `text` is.
    form: Form = "text"

    def __repr__(self) -> str:
        return (
            f"GenerationResult({self.model}, {self.output_tokens} tokens, "
            f"{self.finish_reason}, {len(self.text)} chars)"
        )


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the input, ready for the store: either a request, or the error it got."""

    #: 1-based number of the line in the input.
    line: int
    #: None where the line could not be read that far.
    custom_id: str | None
    kind: Literal["row", "openai"]
    #: The row as it was read, as JSON; None for a line that could not be read.
    row: str | None
    #: The rendered request as JSON; None if `error_code` is set.
    body: str | None
    #: `request_hash(body)`; empty for an error.
    hash: str
    model: str
    pool: str
    error_code: ErrorCode | None = None
    error_message: str | None = None

    def __repr__(self) -> str:
        return f"NewJob(line {self.line}, {self.error_code or self.hash})"


class Hint(msgspec.Struct, frozen=True, array_like=True):
    """What travels through Redis for one job. `epoch` fences: an older one finds nothing."""

    job_id: str
    epoch: int
    #: Whether it was in flight when something died: it gets a worker to itself.
    is_suspect: bool = False


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A job that this session holds, with everything needed to run it and record it."""

    job_id: str
    batch_id: str
    run: int
    epoch: int
    attempt: int
    #: Errors of the job itself in this run so far.
    errors: int
    #: Times in this run that its engine or holder died while it had that to itself, as a suspect.
    crashes: int
    #: Seconds since the epoch, by the store's clock.
    started_at: float
    #: The request as stored JSON; decoded by the pipeline.
    body: str

    def __repr__(self) -> str:
        return f"Claimed({self.job_id}, run {self.run}, epoch {self.epoch})"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended, as the worker reports it to the store.

    `state` is SUCCEEDED, FAILED, or PENDING for an attempt that is to be tried again.
    """

    job_id: str
    batch_id: str
    run: int
    epoch: int
    attempt: int
    session: str
    host: str
    pool: str
    model: str
    state: JobState
    started_at: float
    #: 1 where the attempt counts against max_attempts, 0 for hand-backs and the backend's faults.
    counted_errors: int = 0
    #: 1 where the engine died while this job, a suspect, had it to itself.
    counted_crashes: int = 0
    #: Whether the engine died with it in flight: it is to run alone.
    is_suspect: bool = False
    #: Seconds until a PENDING job may be dispatched again.
    retry_in_s: float = 0.0
    text: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    error_code: ErrorCode | None = None
    error_message: str | None = None
    form: Form = "text"

    def __repr__(self) -> str:
        return f"Outcome({self.job_id}, {self.state}, {self.error_code or self.finish_reason})"


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a batch's input, and where its rows are among those of the others."""

    #: Its real path; `-` for standard input.
    path: str
    #: What results and messages call it where there are several.
    name: str
    #: What comes before `row-<line>` in the custom_ids that its rows have by default.
    ids: str
    #: Lines of the files before it; None until a reading that got so far has ended.
    offset: int | None = None


class NewBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a batch before its first line is read."""

    name: str
    #: What makes two commands the same run: a hash of the output (or input) path; unique.
    run_key: str
    #: Path of the input as the user gave it, for messages.
    source: str
    #: Absolute path of the results; empty without one.
    output: str
    #: Name of the answer's field in the results.
    into: str
    #: What two runs over the same output must agree on: prompt, system, model and options.
    options: dict[str, str | int | float | None]
    model: str
    pool: str
    #: The input's files in their order.
    files: tuple[InputFile, ...] = ()
    priority: int = 0
    #: `local`: may not leave the owner's machines.
    data_class: str = "local"
    #: The share of failures among its last rows above which it is paused; 1 is never.
    max_failures: float = 0.5
    #: How many of its jobs may be dispatched or running at once; None is as many as there is room.
    max_running: int | None = None
    #: Seconds from now after which what is not done expires; None is never.
    deadline_in_s: float | None = None
    #: Whether its owner wants to be told how it ends, or that it is paused.
    notify: bool = False

    def __repr__(self) -> str:
        # `options` hold the templates of the prompts.
        return f"NewBatch({self.name}, {self.model})"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a batch are in each state, and what they used."""

    pending: int = 0
    dispatched: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    #: Succeeded, but cut at the row's own max_tokens.
    cut: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def by_state(self) -> dict[JobState, int]:
        """The number of jobs in each state."""
        return {state: getattr(self, state.value) for state in JobState}

    @property
    def total(self) -> int:
        """All jobs of the batch."""
        return self.finished + self.unfinished

    @property
    def finished(self) -> int:
        """Jobs whose present run is over, however it ended."""
        return number_in(TERMINAL, self.by_state)

    @property
    def unfinished(self) -> int:
        """Jobs that still have to end."""
        return number_in(UNFINISHED, self.by_state)

    @property
    def unsuccessful(self) -> int:
        """Jobs that are over without an answer."""
        return number_in(UNSUCCESSFUL, self.by_state)


#: Who pauses a batch of which too much failed: `paused_by`, else a user.
BRAKE = "brake"


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as the store has it."""

    id: str
    name: str
    state: BatchState
    run_key: str
    source: str
    #: blake2b of the whole input of the last complete ingest; empty before.
    source_hash: str
    output: str
    into: str
    options: dict[str, str | int | float | None]
    model: str
    pool: str
    #: The input's files in their order.
    files: tuple[InputFile, ...]
    #: Counts the readings of the input; rows of an older revision were taken out of it.
    revision: int
    priority: int
    data_class: str
    #: Seconds since the epoch, by the store's clock.
    created_at: float
    finished_at: float | None
    #: Smoothed rates, kept by the dispatcher while the batch runs; 0 before and after.
    jobs_per_s: float
    tokens_per_s: float
    #: Why nothing of it is handed out for now; None while it runs.
    paused_reason: str | None
    #: Until when, where it goes on by itself.
    paused_until: float | None
    #: `brake` where too much of it failed, else who did it; empty while it runs.
    paused_by: str
    max_failures: float
    #: How many of its jobs may be dispatched or running at once; None is as many as there is room.
    max_running: int | None
    #: When what is not done expires.
    deadline: float | None
    #: Whether its owner wants to be told how it ends, or that it is paused.
    notify: bool

    def __repr__(self) -> str:
        return f"Batch({self.id}, {self.name}, {self.state})"


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the results: the input row and the newest record of its job."""

    job_id: str
    #: Counted through all files; `placed` counts within one.
    line: int
    custom_id: str | None
    kind: Literal["row", "openai"]
    state: JobState
    run: int
    row: str | None
    text: str | None
    reasoning: str | None
    finish_reason: str | None
    model: str
    input_tokens: int
    output_tokens: int
    error_code: str | None
    error_message: str | None
    form: Form
    #: The name of its file where the batch has several.
    file: str | None = None

    def __repr__(self) -> str:
        return f"ResultRow(line {self.line}, {self.state})"

    def placed(self, places: "Places") -> "ResultRow":
        """The same row with its file and its line there."""
        file, line = places.of(self.line)
        return self if file is None else msgspec.structs.replace(self, file=file, line=line)


class Places:
    """Where the lines of a batch are in the files of its input."""

    def __init__(self, files: tuple[InputFile, ...]) -> None:
        begun = [(file.name, file.offset) for file in files if file.offset is not None]
        self._names = [name for name, _ in begun] if len(files) > 1 else []
        self._offsets = [offset for _, offset in begun]

    def of(self, line: int) -> tuple[str | None, int]:
        """The file of a line, None where there is but one, and the line's number there."""
        if not self._names:
            return None, line
        # A file without a row begins where the next one does, and that one has the line.
        place = max(0, bisect_left(self._offsets, line) - 1)
        return self._names[place], line - self._offsets[place]


def request_hash(body: bytes) -> str:
    """What a rendered request is known by when the same command is given again: 32 hex digits."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()
