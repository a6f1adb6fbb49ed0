"""Numbers as settings have them: `true` is none, and nothing takes longer than a day."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from jobs.durations import parse_duration
from jobs.settings_faults import expected, refuse_bool
from jobs.sizes import parse_size


def _duration(value: object) -> object:
    try:
        return parse_duration(str(value))
    except ValueError:
        raise expected('a duration such as "12h" or "30d"') from None


def _size(value: object) -> object:
    try:
        return parse_size(str(value))
    except ValueError:
        raise expected('a size such as "500 MB" or "2 GB"') from None


Seconds = Annotated[float, BeforeValidator(refuse_bool), Field(le=86_400)]
Count = Annotated[int, BeforeValidator(refuse_bool)]

#: Seconds, written as a text with a unit.
Duration = Annotated[float, BeforeValidator(_duration)]
#: Bytes, written as a text with a unit.
Size = Annotated[int, BeforeValidator(_size)]
