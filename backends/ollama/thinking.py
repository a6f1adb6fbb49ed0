"""Whether a model is told to think: a pure decision, by family.

Unset, a model that can think does. It is said each time, because families differ in what they
make of it together with a schema.
"""

#: Thinks always and knows only how much.
_BY_LEVEL = ("gptoss", "gpt-oss")
#: Answer in no form at all when they are told not to think.
_KEEP_THINKING = ("qwen35", "qwen3.5", "gemma4")


def think_of(family: str, *, can_think: bool, is_with_schema: bool) -> bool | str | None:
    """What to send as `think`; None is nothing."""
    if not can_think:
        return None
    family = family.casefold()
    if family.startswith(_BY_LEVEL):
        # At higher levels an answer that has to fit a schema comes out empty.
        return "low" if is_with_schema else "medium"
    # Thoughts that have to fit a schema, too, are the answer in the wrong place.
    return not is_with_schema or family.startswith(_KEEP_THINKING)
