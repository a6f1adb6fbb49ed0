"""The one place where jsonschema is talked to. It fetches nothing: no reference leaves a schema.

It is imported inside functions, as only those who have a schema should wait for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

#: Whoever writes no `$schema` means the newest.
DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
)


class SchemaFaultError(ValueError):
    """What is wrong with a schema, as a sentence for people."""


class Breach(NamedTuple):
    """A place where a value breaks a schema. All but `instance` is in the schema."""

    #: The way to the place in the value: names, or numbers in lists.
    path: tuple[str | int, ...]
    #: The way to the keyword in the schema.
    schema_path: tuple[str | int, ...]
    #: Empty where the schema is just `false`.
    keyword: str
    #: The keyword's value.
    wanted: Any
    #: The part of the value that stands there.
    instance: Any


def validator_of(schema: dict[str, Any]) -> "Validator":
    """What holds values to a schema, which is taken for a good one; it retrieves nothing."""
    from referencing import Registry

    return _validator_class(schema)(schema, registry=Registry())


def breaches(validator: "Validator", value: Any, most: int) -> list[Breach]:
    """Where a value breaks a schema, up to `most` places; none where it fits."""
    from jsonschema.exceptions import best_match

    found = islice(validator.iter_errors(value), most)
    return [_breach(best_match([error]) or error) for error in found]


def refuse_against_draft(schema: dict[str, Any]) -> None:
    """Raise `SchemaFaultError` for what its draft does not allow, or a draft that nobody knows."""
    from jsonschema.exceptions import SchemaError

    named = schema.get("$schema", DRAFTS[0])
    if not isinstance(named, str) or named.removesuffix("#") not in DRAFTS:
        raise SchemaFaultError(f"Its `$schema` must be one of {', '.join(DRAFTS)}.")
    try:
        _validator_class(schema).check_schema(schema)
    except SchemaError as error:
        place = "/".join(["", *map(str, error.absolute_path)])
        rule = f"`{error.validator}`"
        raise SchemaFaultError(
            f"At {place or 'its top'} it breaks the rule {rule} of {named.removesuffix('#')}."
        ) from None
    except (RecursionError, OverflowError):
        # From a pattern that Python's regular expressions cannot take.
        raise SchemaFaultError("One of its patterns is too large.") from None


@dataclass(frozen=True, slots=True)
class Located:
    """A schema inside a schema, and what finds the references in it."""

    contents: Any
    _resolver: Any
    _specification: Any

    def inside(self) -> "Iterator[Located]":
        """The schemas that stand in it."""
        for contents in self._specification.subresources_of(self.contents):
            yield self._at(contents, self._resolver)

    def referred(self, reference: str) -> "Located":
        """The schema that a reference means; raises `SchemaFaultError` where there is none."""
        from referencing.exceptions import Unresolvable

        try:
            found = self._resolver.lookup(reference)
        except (Unresolvable, ValueError, TypeError):
            raise SchemaFaultError("One of its references leads nowhere.") from None
        return self._at(found.contents, found.resolver)

    def _at(self, contents: Any, resolver: Any) -> "Located":
        if isinstance(contents, dict):
            resolver = resolver.in_subresource(self._specification.create_resource(contents))
        return Located(contents, resolver, self._specification)


def root_of(schema: dict[str, Any]) -> Located:
    """A whole schema as the place to begin at."""
    from referencing import Registry
    from referencing.jsonschema import specification_with

    specification: Any = specification_with(schema.get("$schema", DRAFTS[0]))
    registry: Any = Registry()
    resource = specification.create_resource(schema)
    return Located(schema, registry.resolver_with_root(resource), specification)


def _validator_class(schema: dict[str, Any]) -> "type[Validator]":
    from jsonschema.validators import validator_for

    # The library knows the newest drafts without and the older ones with an empty fragment.
    return validator_for(schema)


def _breach(error: "ValidationError") -> Breach:
    return Breach(
        path=tuple(error.absolute_path),
        schema_path=tuple(error.absolute_schema_path),
        keyword=error.validator if isinstance(error.validator, str) else "",
        wanted=error.validator_value,
        instance=error.instance,
    )
