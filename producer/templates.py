"""The templates that the flags of a command give for every line of its input."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jobs.model import Message, Role
from producer.messages import with_system, with_turns
from producer.template import Column, Template


class Templates(NamedTuple):
    """Templates, taken apart once. None is a flag that was not given."""

    prompt: Template | None
    system: Template | None
    #: Turns of an example conversation, between the system message and the prompt.
    turns: tuple[tuple[Role, Template], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All placeholders, each once."""
        given = (self.prompt, self.system, *(template for _, template in self.turns))
        return tuple(dict.fromkeys(c for template in given if template for c in template.columns))

    def around(self, messages: tuple[Message, ...], row: Mapping[str, Any]) -> tuple[Message, ...]:
        """A line's messages with the system message and the turns; raises `RowError`."""
        if self.system is not None:
            messages = with_system(self.system.render(row), messages)
        if self.turns:
            turns = tuple(Message(role, template.render(row)) for role, template in self.turns)
            messages = with_turns(turns, messages)
        return messages
