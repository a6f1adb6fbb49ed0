"""Numbers as settings have them: `true` is none, and nothing takes longer than a day."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from jobs.settings_faults import refuse_bool

Seconds = Annotated[float, BeforeValidator(refuse_bool), Field(le=86_400)]
Count = Annotated[int, BeforeValidator(refuse_bool)]
