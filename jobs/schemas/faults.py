"""Whether a schema is one that answers can be held to, found out before anything is generated."""

from collections.abc import Iterable
from typing import Any

import msgspec

from jobs.schemas.library import SchemaFaultError, refuse_against_draft
from jobs.schemas.references import refuse_bad_references

#: Bytes of JSON; every request carries its schema.
MAX_SIZE = 1_000_000

#: Levels of objects and lists in one another, the outermost counted.
MAX_DEPTH = 100

#: Items of one list, such as an enum.
MAX_ITEMS = 10_000


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
    _refuse_deep_and_long(schema)
    try:
        size = len(msgspec.json.encode(schema))
    except (TypeError, ValueError):
        raise SchemaFaultError("It holds values that JSON does not have.") from None
    if size > MAX_SIZE:
        raise SchemaFaultError(f"It has {size:,} bytes of JSON; up to {MAX_SIZE:,} will do.")


def _refuse_deep_and_long(schema: dict[str, Any]) -> None:
    level: list[Any] = [schema]
    for _ in range(MAX_DEPTH):
        # Old drafts compare each item of a list with all the others.
        if any(isinstance(one, list) and len(one) > MAX_ITEMS for one in level):
            raise SchemaFaultError(f"It has a list of more than {MAX_ITEMS:,} items.")
        level = [inner for outer in level for inner in _inside(outer)]
    if any(isinstance(one, (dict, list)) for one in level):
        raise SchemaFaultError(f"It is nested more than {MAX_DEPTH} levels deep.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
