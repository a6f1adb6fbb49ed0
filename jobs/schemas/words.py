"""Schemas that are nothing but a list of words, one of which is the answer."""

from typing import Any

#: What may stand beside the words.
_ABOUT_WORDS = frozenset({"enum", "type", "$schema", "title", "description"})


def words_of(schema: dict[str, Any]) -> list[str] | None:
    """The words that a schema lists, if that is all it does; the answer is then a bare word."""
    words = schema.get("enum")
    if not isinstance(words, list) or not schema.keys() <= _ABOUT_WORDS:
        return None
    is_text = schema.get("type", "string") == "string"
    return words if is_text and all(isinstance(word, str) for word in words) else None
