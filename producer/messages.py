"""The conversation that a line asks to go on with."""

from jobs.codes import ErrorCode
from jobs.errors import RowError
from jobs.model import Message, Role
from producer.decode import kind_of

#: OpenAI's newer name for system instructions means the same to every local model.
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


_FIELDS = frozenset({"role", "content"})

#: Characters of a name from the input that a message repeats.
_SHOWN = 40


def read_messages(value: object) -> tuple[Message, ...]:
    """OpenAI's `messages` with text content; raises `RowError` naming the place of a fault."""
    if not isinstance(value, list):
        raise RowError(ErrorCode.INVALID_MESSAGES, f"It is {kind_of(value)}.")
    if not value:
        raise RowError(ErrorCode.INVALID_MESSAGES, "The list is empty.")
    return tuple([_message(index, item) for index, item in enumerate(value)])


def with_system(system: str, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same turns under this system message, which takes the place of their own."""
    return (Message("system", system), *(turn for turn in messages if turn.role != "system"))


def with_turns(turns: tuple[Message, ...], messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same conversation with these turns between its system messages and the rest."""
    system = tuple(turn for turn in messages if turn.role == "system")
    rest = tuple(turn for turn in messages if turn.role != "system")
    return (*system, *turns, *rest)


def _message(index: int, value: object) -> Message:
    if not isinstance(value, dict):
        raise RowError(ErrorCode.INVALID_MESSAGES, f"`messages[{index}]` is {kind_of(value)}.")
    for name in value.keys() - _FIELDS:
        if value[name] is not None:
            detail = f"It is `messages[{index}].{shown(name)}`."
            raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, detail)
    content = value.get("content")
    text = content if isinstance(content, str) else _joined(index, content)
    return Message(_role(index, value.get("role")), text)


def _role(index: int, value: object) -> Role:
    if isinstance(value, str) and value in _ROLES:
        return _ROLES[value]
    found = f"`{shown(value)}`" if isinstance(value, str) else kind_of(value)
    raise RowError(ErrorCode.INVALID_MESSAGES, f"`messages[{index}].role` is {found}.")


def _joined(index: int, parts: object) -> str:
    place = f"messages[{index}].content"
    if not isinstance(parts, list) or not parts:
        found = "an empty list" if parts == [] else kind_of(parts)
        raise RowError(ErrorCode.INVALID_MESSAGES, f"`{place}` is {found}.")
    return "\n".join([_part(f"{place}[{i}]", part) for i, part in enumerate(parts)])


def _part(place: str, value: object) -> str:
    match value:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": str(kind)} if kind != "text":
            detail = f"It is `{place}` of type `{shown(kind)}`."
            raise RowError(ErrorCode.UNSUPPORTED_PARAMETER, detail)
        case _:
            detail = f'`{place}` is not {{"type": "text", "text": …}}.'
            raise RowError(ErrorCode.INVALID_MESSAGES, detail)


def shown(name: str) -> str:
    """A name from the input, short enough for a message."""
    return name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
