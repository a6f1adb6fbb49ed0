"""What the double's models say: they repeat what they hear, or whatever a schema asks for."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

#: A prompt with this text is answered for ever.
ENDLESS = "endless"
THOUGHTS = ("let ", "me ", "think ")


def answer(prompt: str, schema: dict[str, Any] | None) -> Iterator[str]:
    """The tokens of the answer to a prompt."""
    if schema is not None:
        return iter([json.dumps(instance(schema))])
    if prompt == ENDLESS:
        return (f"{number} " for number in itertools.count())
    words = prompt.split(" ")
    return iter([f"{word} " for word in words[:-1]] + words[-1:])


def instance(schema: dict[str, Any]) -> Any:  # noqa: PLR0911  (one line a type)
    """The plainest value that fits a plain schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            return {name: instance(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [instance(schema.get("items", {}))] * schema.get("minItems", 1)
        case "string":
            return "text"
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return schema.get("minimum", 1)


def vector(text: str) -> list[float]:
    """A unit vector that depends on the text."""
    raw = [float(len(text) % 7 + 1), float(sum(text.encode()) % 11 + 1), 1.0]
    length = sum(value * value for value in raw) ** 0.5
    return [value / length for value in raw]
