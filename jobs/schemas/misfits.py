"""What does not fit, in words that quote the schema and never the value."""

from typing import Any

import msgspec

from jobs.schemas.library import Breach, breaches, validator_of

#: Faults that are looked for, and those that are told.
_LOOKED_FOR = 20
_TOLD = 3

#: Characters of JSON up to which allowed values are listed.
_LISTED = 120

_KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

_SENTENCES = {
    "minLength": "shorter than {} characters",
    "maxLength": "longer than {} characters",
    "minItems": "has fewer than {} items",
    "maxItems": "has more than {} items",
    "minimum": "less than {}",
    "maximum": "more than {}",
    "exclusiveMinimum": "not more than {}",
    "exclusiveMaximum": "not less than {}",
    "multipleOf": "not a multiple of {}",
    "minProperties": "has fewer than {} properties",
    "maxProperties": "has more than {} properties",
}
_PLAIN_SENTENCES = {
    "": "has what is never allowed",
    "pattern": "does not match the pattern of the schema",
    "uniqueItems": "has an item twice",
    "additionalProperties": "has properties that the schema does not allow",
    "unevaluatedProperties": "has properties that the schema does not allow",
    "additionalItems": "has items that the schema does not allow",
    "unevaluatedItems": "has items that the schema does not allow",
    "anyOf": "fits none of the alternatives",
    "oneOf": "does not fit exactly one of the alternatives",
    "contains": "has no item of the kind that the schema asks for",
}


def misfit(schema: dict[str, Any], value: Any) -> str | None:
    """What of a JSON value does not fit a schema, by its place, such as `/mood: not one of …`.

    None where it fits. Names in the place that only the value has are shown as `*`.
    """
    found = breaches(validator_of(schema), value, _LOOKED_FOR)
    # Several names that one object lacks are several breaches of one sentence.
    sentences = list(dict.fromkeys(map(_sentence, found)))
    return "; ".join(sentences[:_TOLD]) or None


def allowed_values(values: list[Any]) -> str:
    """The complaint about a value that is none of these."""
    listed = ", ".join(msgspec.json.encode(value).decode() for value in values)
    if len(listed) > _LISTED:
        return f"not one of the {len(values)} allowed values"
    return f"not one of {listed}"


def _sentence(breach: Breach) -> str:
    return f"{_place(breach)}: {_complaint(breach)}"


def _place(breach: Breach) -> str:
    named = set(breach.schema_path)
    steps = [str(step) if isinstance(step, int) or step in named else "*" for step in breach.path]
    return "/".join(["", *steps]) or "the answer"


def _complaint(breach: Breach) -> str:
    match breach.keyword, breach.wanted:
        case "type", wanted:
            kinds = wanted if isinstance(wanted, list) else [wanted]
            return f"not {' or '.join(_KINDS.get(kind, str(kind)) for kind in kinds)}"
        case "enum", list(wanted):
            return allowed_values(wanted)
        case "const", wanted:
            return allowed_values([wanted])
        case "required", list(wanted):
            missing = [name for name in wanted if name not in breach.instance]
            return f"lacks {', '.join(f'`{name}`' for name in missing)}"
        case keyword, wanted if keyword in _SENTENCES:
            return _SENTENCES[keyword].format(wanted)
    return _PLAIN_SENTENCES.get(breach.keyword, f"breaks the rule `{breach.keyword}`")
