"""The list of all settings, read off the model: for the environment, for messages, for the docs."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobs.settings_sources import Key

#: Stands for any name in a table whose names are the user's, such as those of pools.
ANY = "NAME"

#: Marks what the environment may set. It may narrow where prompts go, never widen it, so a
#: setting has to be marked to be one of them.
FROM_ENVIRONMENT: Final = "may be set by the environment"


class Option(NamedTuple):
    """One setting: its key, with ANY where the user gives the name, and what the model knows."""

    key: Key
    field: FieldInfo

    @property
    def from_environment(self) -> bool:
        """Whether a variable may set it."""
        return FROM_ENVIRONMENT in self.field.metadata


def options(model: type[BaseModel], above: Key = ()) -> Iterator[Option]:
    """All settings of a model and of the tables in it, in their order."""
    for name, field in model.model_fields.items():
        key = (*above, name)
        if section := _section(field.annotation):
            yield from options(section, key)
        elif section := _section(_value_type(field.annotation)):
            yield from options(section, (*key, ANY))
        else:
            yield Option(key, field)


def named(key: Key, names: Iterable[str]) -> Iterator[Key]:
    """The key once for each name that stands in its place of ANY."""
    for name in names if ANY in key else [ANY]:
        yield tuple(name if part == ANY else part for part in key)


def known_names(model: type[BaseModel], table: Key) -> list[str]:
    """The names that a table may have."""
    here: Any = model
    for part in table:
        field = here.model_fields.get(part) if _section(here) else None
        if field is not None:
            here = _section(field.annotation) or field.annotation
        else:
            here = _value_type(here) or _item_type(here)
    section = _section(here)
    return list(section.model_fields) if section else []


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _value_type(annotation: Any) -> Any:
    return get_args(annotation)[1] if get_origin(annotation) is dict else None


def _item_type(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None
