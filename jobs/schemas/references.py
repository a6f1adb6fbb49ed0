"""The references of a schema: all of them stay inside it, lead somewhere and come to an end."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from jobs.schemas.library import Located, SchemaFaultError, root_of

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

#: Keywords whose schemas are held to the same value as the schema they stand in.
_ALONE = ("not", "if", "then", "else")
_LISTED = ("allOf", "anyOf", "oneOf")
_NAMED = ("dependentSchemas", "dependencies")

_SHOWN = 60


def refuse_bad_references(schema: dict[str, Any]) -> None:
    """Raise `SchemaFaultError` for a reference to another document, to nothing, or in a circle.

    A schema may be its own part, as that of a tree is; a circle that takes no step into the value
    would never end.
    """
    # By identity: equal schemas at two places are two.
    same_value: dict[int, list[int]] = {}
    waiting = [root_of(schema)]
    while waiting:
        here = waiting.pop()
        if id(here.contents) in same_value or not _is_schema(here.contents):
            continue
        referred = list(_referred(here))
        within = [id(part) for part in _parts_for_same_value(here.contents)]
        same_value[id(here.contents)] = [id(found.contents) for found in referred] + within
        waiting += [*here.inside(), *referred]
    _refuse_circles(same_value)


def _is_schema(contents: Any) -> bool:
    if isinstance(contents, bool):
        return False
    if isinstance(contents, dict):
        return True
    raise SchemaFaultError("One of its references leads to something that is no schema.")


def _referred(here: Located) -> Iterator[Located]:
    for keyword in _REFERENCES:
        reference = here.contents.get(keyword)
        if reference is None:
            continue
        if not isinstance(reference, str) or not reference.startswith("#"):
            shown = str(reference)[:_SHOWN]
            raise SchemaFaultError(
                f"Its `{keyword}` {shown} leads out of it, and nothing is fetched. Copy what it"
                ' means into `$defs`, and refer to it as "#/$defs/NAME".'
            )
        yield here.referred(reference)


def _parts_for_same_value(schema: dict[str, Any]) -> Iterator[Any]:
    for keyword in _ALONE:
        yield schema.get(keyword)
    for keyword in _LISTED:
        yield from schema.get(keyword, ())
    for keyword in _NAMED:
        yield from schema.get(keyword, {}).values()


def _refuse_circles(same_value: dict[int, list[int]]) -> None:
    try:
        TopologicalSorter(same_value).prepare()
    except CycleError:
        raise SchemaFaultError(
            "It refers back to itself without a step into the value, so checking would never end."
        ) from None
