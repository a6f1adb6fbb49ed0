"""What the flags of a command say for every line of its input."""

from typing import Any

import msgspec

from jobs.errors import UsageError
from producer.parameters import FIELDS
from producer.template import Template

_SAMPLING = ("max_tokens", "temperature", "top_p", "seed", "stop")
_TEXTS = ("model", "prompt", "system")


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
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for text in (*(getattr(self, name) or "" for name in _TEXTS), *(self.stop or ())):
            _refuse_unstorable(text)
        self.sampling()

    def __repr__(self) -> str:
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        return f"Overrides({', '.join(given)})"

    def sampling(self) -> dict[str, Any]:
        """The sampling fields of a `GenerationRequest` that are given, checked."""
        given = {name: getattr(self, name) for name in _SAMPLING}
        return {name: _checked(name, value) for name, value in given.items() if value is not None}

    def columns(self) -> frozenset[str]:
        """The columns that requests are made of, as far as a row has them."""
        prompt, system = self.templates()
        own = {"prompt", "messages", "system"} if prompt is None else set()
        named = {c.name for template in (prompt, system) if template for c in template.columns}
        return frozenset(own | named | {"custom_id", "model"})

    def templates(self) -> tuple[Template | None, Template | None]:
        """The templates of the prompt and of the system message, taken apart."""
        prompt = None if self.prompt is None else Template.parse(self.prompt)
        system = None if self.system is None else Template.parse(self.system)
        return prompt, system


def _refuse_unstorable(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(
            "A flag holds a NUL character or bytes that are not UTF-8. Write it in UTF-8."
        )


def _checked(name: str, value: Any) -> Any:
    _, read = FIELDS[name]
    try:
        return read(value)
    except ValueError as error:
        raise UsageError(f"--{name.replace('_', '-')} must be {error}.") from None
