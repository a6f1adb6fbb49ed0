"""From one line of the input to one job for the store: its request, or the error it got.

Each line is judged alone, so that one bad line never costs the good ones.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError
from jobs.model import Endpoint, GenerationRequest, Message, NewJob, request_hash
from producer.decode import decode_object, kind_of
from producer.embeddings import one_text
from producer.messages import shown
from producer.openai_lines import is_openai_line, read_openai_line
from producer.overrides import Overrides
from producer.raw import Line
from producer.rows import read_row, row_model, row_schema
from producer.template import Template
from producer.text import TEXT

#: Characters; what every store can keep in an index.
MAX_CUSTOM_ID = 512

#: The name that stands for the model that was chosen at submit.
AUTO = "auto"

Kind = Literal["row", "openai"]

_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(GenerationRequest)}

_encode = msgspec.json.Encoder().encode


class ModelChoice(NamedTuple):
    """A model as its backend lists it, and the pool that serves it."""

    model: str
    pool: str


#: Says who has the model that a line names, for what is asked of it; None when nobody does.
ResolveModel = Callable[[str, Endpoint], ModelChoice | None]


class Place(NamedTuple):
    """The file that a line is in, as far as it matters to its job."""

    #: Lines of the files before it.
    offset: int = 0
    #: What comes before `row-<line>` in the custom_ids that its rows have by default.
    ids: str = ""
    #: Whether a line is itself the prompt, where no template makes another of it.
    is_text: bool = False


_ONLY_FILE = Place()


class LineParser:
    """Turns lines into jobs. `choice` serves the lines that name no model.

    With `overrides.model` it serves all of them, whatever they name.
    """

    def __init__(
        self, choice: ModelChoice, overrides: Overrides, resolve_model: ResolveModel
    ) -> None:
        self._choice = choice
        self._flags = overrides.fields()
        self._row_fields = _without_defaults(self._flags)
        self._endpoint: Endpoint = overrides.endpoint or "chat"
        self._is_model_given = overrides.model is not None
        self._wanted = overrides.model or AUTO
        self._overridden = self._flags.keys() | ({"model"} if self._is_model_given else set())
        self._templates = overrides.templates()
        self._text_prompt = self._templates.prompt or Template.parse(f"{{{TEXT}}}")
        # A few names come again and again; a column of other data called `model` must not pile up.
        self._resolve = lru_cache(maxsize=256)(resolve_model)

    def parse(self, line: Line, place: Place = _ONLY_FILE) -> NewJob:
        """The job of one line; never raises for what is in the line."""
        at = place.offset + line.number
        if line.fault is not None:
            return _failed(RowError(line.fault, line.detail), at, None, "row", None)
        try:
            text, row = decode_object(line.data)
        except RowError as error:
            return _failed(error, at, None, "row", None)
        return self._parse_object(line.number, place, text, row)

    def _parse_object(self, number: int, place: Place, text: str, row: dict[str, Any]) -> NewJob:
        line = place.offset + number
        prompt = self._text_prompt if place.is_text else self._templates.prompt
        kind: Kind = "openai" if prompt is None and is_openai_line(row) else "row"
        custom_id = None
        try:
            custom_id = _custom_id(row.get("custom_id"), f"{place.ids}row-{number}")
            choice, request = self._request(kind, row, prompt)
        except RowError as error:
            return _failed(error, line, custom_id, kind, text)
        body = _encode(request)
        return NewJob(
            line=line,
            custom_id=custom_id,
            kind=kind,
            row=text,
            body=body.decode(),
            hash=request_hash(body if request.seed is None else _encode(_without_seed(request))),
            model=choice.model,
            pool=choice.pool,
        )

    def _request(
        self, kind: Kind, row: dict[str, Any], prompt: Template | None
    ) -> tuple[ModelChoice, GenerationRequest]:
        if kind == "openai":
            model, messages, fields = read_openai_line(row, self._overridden)
        else:
            model, messages, fields = self._read_row(row, prompt)
        endpoint: Endpoint = fields.get("endpoint", "chat")
        if endpoint == "chat":
            messages = self._templates.around(messages, row)
            fields = _without_defaults(fields | self._flags) if fields else self._row_fields
        choice = self._chosen(model, endpoint)
        return choice, GenerationRequest(model=choice.model, messages=messages, **fields)

    def _read_row(
        self, row: dict[str, Any], prompt: Template | None
    ) -> tuple[str | None, tuple[Message, ...], dict[str, Any]]:
        model = None if self._is_model_given else row_model(row)
        messages = read_row(row, prompt)
        is_form_wanted = prompt is None and "schema" not in self._flags
        fields = row_schema(row) if is_form_wanted else {}
        if self._endpoint == "embeddings":
            return model, one_text(messages, fields), {"endpoint": self._endpoint}
        return model, messages, fields

    def _chosen(self, model: str | None, endpoint: Endpoint) -> ModelChoice:
        if model is None or model == AUTO:
            if endpoint == self._endpoint:
                return self._choice
            model = self._wanted
        choice = self._resolve(model, endpoint)
        if choice is None:
            raise self._unresolved(model, endpoint)
        return choice

    def _unresolved(self, model: str, endpoint: Endpoint) -> RowError:
        other: Endpoint = "chat" if endpoint == "embeddings" else "embeddings"
        if model != AUTO and self._resolve(model, other) is not None:
            only = "answers chats" if other == "chat" else "makes embeddings"
            return RowError(ErrorCode.UNSUPPORTED_ENDPOINT, f"`{shown(model)}` only {only}.")
        if endpoint == "embeddings" and self._resolve(AUTO, endpoint) is None:
            return RowError(ErrorCode.UNSUPPORTED_ENDPOINT)
        return RowError(ErrorCode.UNKNOWN_MODEL, f"It is `{shown(model)}`.")


def _without_defaults(sampling: dict[str, Any]) -> dict[str, Any]:
    """So that a default that is written out and one that is left out have the same hash."""
    return {name: value for name, value in sampling.items() if value != _DEFAULTS[name]}


def _without_seed(request: GenerationRequest) -> GenerationRequest:
    """What a request is known by: where nothing is left to chance a seed changes no answer."""
    return request if request.temperature else msgspec.structs.replace(request, seed=None)


def _custom_id(value: object, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str):
        raise RowError(ErrorCode.INVALID_CUSTOM_ID, f"It is {kind_of(value)}.")
    if not 0 < len(value) <= MAX_CUSTOM_ID:
        found = f"longer than {MAX_CUSTOM_ID} characters" if value else "empty"
        raise RowError(ErrorCode.INVALID_CUSTOM_ID, f"It is {found}.")
    return value


def _failed(
    error: RowError, line: int, custom_id: str | None, kind: Kind, row: str | None
) -> NewJob:
    return NewJob(
        line=line,
        custom_id=custom_id,
        kind=kind,
        row=row,
        body=None,
        hash="",
        model="",
        pool="",
        error_code=error.code,
        error_message=f"{error} {error.code.way_out}",
    )
