"""Whether a model is told to think: a pure decision, by family.

Unset, a model that can think does. It is said each time, because families differ in what they
make of it together with a schema.
"""

from backends.ollama.versions import is_since

#: Since it (at the latest), Ollama holds a model that it reads with a parser to a schema at once
#: when that is told not to think. 0.17.7 and 0.20.2 wait for the end of thoughts that never come.
_HOLDS_AT_ONCE_SINCE = (0, 32, 0)
#: Parsers that take whatever comes first for thoughts, an answer that fits a schema, too (0.32.0).
_ALWAYS_THOUGHTS = ("qwen3-vl-thinking", "olmo3-think")

#: Thinks always and knows only how much.
_BY_LEVEL = ("gptoss", "gpt-oss")
#: Answer in no form at all when they are told not to think.
_KEEP_THINKING = ("qwen35", "qwen3.5", "gemma4")


def is_held_late(version: str, parser: str) -> bool:
    """Whether this Ollama holds an answer to its schema only when thoughts have ended.

    `parser` is what it has built in to read the model's answers; empty for none.
    """
    if parser in _ALWAYS_THOUGHTS:
        return True
    return bool(parser) and not is_since(version, _HOLDS_AT_ONCE_SINCE)


def think_of(
    family: str, *, can_think: bool, is_with_schema: bool, is_held_late: bool
) -> bool | str | None:
    """What to send as `think`; None is nothing."""
    if not can_think:
        return None
    family = family.casefold()
    if family.startswith(_BY_LEVEL):
        # At higher levels an answer that has to fit a schema comes out empty.
        return "low" if is_with_schema else "medium"
    # Thoughts that have to fit a schema, too, are the answer in the wrong place.
    return not is_with_schema or is_held_late or family.startswith(_KEEP_THINKING)
