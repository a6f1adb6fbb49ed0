"""Whether a schema is one that answers can be held to, found out before anything is generated."""

from typing import Any

import msgspec

from jobs.schemas.library import SchemaFaultError, refuse_against_draft
from jobs.schemas.references import refuse_bad_references

#: Bytes of JSON; every request carries its schema.
MAX_SIZE = 1_000_000

#: Levels of objects and lists in one another, the outermost counted.
MAX_DEPTH = 100


def checked_schema(schema: object) -> dict[str, Any]:
    """A schema that answers can be held to: small, of a known draft, complete in itself.

    Raises `SchemaFaultError`, whose message quotes names of the schema at most.
    """
    if not isinstance(schema, dict):
        raise SchemaFaultError("It is no object.")
    _refuse_large(schema)
    refuse_against_draft(schema)
    try:
        refuse_bad_references(schema)
    except RecursionError:
        raise SchemaFaultError("Its references go too deep.") from None
    return schema


def _refuse_large(schema: dict[str, Any]) -> None:
    if _is_deeper_than(schema, MAX_DEPTH):
        raise SchemaFaultError(f"It is nested more than {MAX_DEPTH} levels deep.")
    try:
        size = len(msgspec.json.encode(schema))
    except (TypeError, ValueError):
        raise SchemaFaultError("It holds values that JSON does not have.") from None
    if size > MAX_SIZE:
        raise SchemaFaultError(f"It has {size:,} bytes of JSON; up to {MAX_SIZE:,} will do.")


def _is_deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)
