"""What the flags of a command say for every line of its input."""

from typing import Any, get_args

import msgspec

from jobs.errors import UsageError
from jobs.model import Endpoint, Message
from jobs.schemas.faults import checked_schema
from jobs.schemas.library import SchemaFaultError
from producer.parameters import FIELDS
from producer.template import Template
from producer.templates import Templates

_SAMPLING = ("max_tokens", "temperature", "top_p", "seed", "stop")
_TEXTS = ("model", "prompt", "system")

#: What means nothing to a model that makes vectors.
_FOR_CHATS = ("system", "turns", "schema", *_SAMPLING)
_FLAGS = {"turns": "--messages-file", "schema": "--schema or --choices"}


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Flags that come before the line's own fields; None is a flag that was not given.

    Raises `UsageError` naming the flag whose value cannot be used.
    """

    #: `--model` as it was typed; `auto` counts as given.
    model: str | None = None
    #: Template of the prompt; with it every line is a row.
    prompt: str | None = None
    #: Template of the system message, which takes the place of the line's own.
    system: str | None = None
    #: An example conversation, before the line's own messages; its texts are templates too.
    turns: tuple[Message, ...] | None = None
    #: The JSON Schema that every answer has to fit.
    schema: dict[str, Any] | None = None
    #: What is asked of the model with rows; OpenAI lines say it themselves.
    endpoint: Endpoint | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        texts = (*(getattr(self, name) or "" for name in _TEXTS), *(self.stop or ()))
        for text in (*texts, *(turn.content for turn in self.turns or ())):
            _refuse_unstorable(text)
        _refuse_system(self.turns or ())
        if self.prompt is not None and not self.prompt.strip():
            raise UsageError("--prompt is empty. Say what is asked, with {column} for a column.")
        self.fields()
        self._refuse_mixture()

    def __repr__(self) -> str:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        return f"Overrides({', '.join(given)})"

    def fields(self) -> dict[str, Any]:
        """The fields of a chat's `GenerationRequest` that are given, checked."""
        given = {name: getattr(self, name) for name in _SAMPLING}
        fields = {name: _checked(name, value) for name, value in given.items() if value is not None}
        return fields if self.schema is None else fields | {"schema": _good_schema(self.schema)}

    def columns(self) -> frozenset[str]:
        """The columns that requests are made of, as far as a row has them."""
        templates = self.templates()
        own = {"prompt", "messages", "system"} if templates.prompt is None else set()
        named = {column.name for column in templates.columns}
        return frozenset(own | named | {"custom_id", "model", "response_format"})

    def templates(self) -> Templates:
        """The templates that are given, taken apart."""
        return Templates(
            prompt=None if self.prompt is None else Template.parse(self.prompt),
            system=None if self.system is None else Template.parse(self.system),
            turns=tuple((turn.role, Template.parse(turn.content)) for turn in self.turns or ()),
        )

    def _refuse_mixture(self) -> None:
        if self.endpoint is not None and self.endpoint not in get_args(Endpoint):
            raise UsageError(f"--endpoint must be {' or '.join(get_args(Endpoint))}.")
        if self.endpoint != "embeddings":
            return
        given = [name for name in _FOR_CHATS if getattr(self, name) is not None]
        if given:
            flags = ", ".join(_FLAGS.get(name, f"--{name.replace('_', '-')}") for name in given)
            raise UsageError(f"--endpoint embeddings turns texts into vectors: leave out {flags}.")


def _refuse_unstorable(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(
            "A flag holds a NUL character or bytes that are not UTF-8. Write it in UTF-8."
        )


def _refuse_system(turns: tuple[Message, ...]) -> None:
    if any(turn.role == "system" for turn in turns):
        raise UsageError(
            "--messages-file has a system message. Give it by --system or --system-file."
        )


def _good_schema(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked_schema(schema)
    except SchemaFaultError as error:
        raise UsageError(f"The schema cannot be used. {error}") from None


def _checked(name: str, value: Any) -> Any:
    _, read = FIELDS[name]
    try:
        return read(value)
    except ValueError as error:
        raise UsageError(f"--{name.replace('_', '-')} must be {error}.") from None
