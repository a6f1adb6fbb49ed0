"""Where the pages of `nightmill monitor` are to be had, and for whom."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from jobs.settings_endpoints import Section, read_secret
from jobs.settings_faults import expected
from jobs.settings_numbers import Count
from jobs.settings_options import FROM_ENVIRONMENT


class MonitorSettings(Section):
    """Where the pages of `nightmill monitor` are to be had, and for whom."""

    _password: SecretStr | None = PrivateAttr(None)

    address: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1",
        description="Where `nightmill monitor` listens; anything but this machine needs a "
        "`password_file`.",
    )
    port: Annotated[Count, FROM_ENVIRONMENT] = Field(
        default=5555, ge=0, le=65_535, description="Its port; with 0, any that is free."
    )
    user: Annotated[str, FROM_ENVIRONMENT] = Field(
        default="nightmill", description="The name to log in with, where there is a password."
    )
    password_file: Annotated[Path | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="A file with nothing but the password for all pages, which only you can read.",
    )

    @field_validator("user")
    @classmethod
    def _check_user(cls, user: str) -> str:
        if not user.isprintable() or not user or ":" in user:
            raise expected("a name without a colon")
        return user

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.password_file is not None:
            self._password = read_secret(self.password_file, "password_file")
        return self

    @property
    def credentials(self) -> str | None:
        """`user:password`, where there is a password; for what checks it and nothing else."""
        if self._password is None:
            return None
        return f"{self.user}:{self._password.get_secret_value()}"
