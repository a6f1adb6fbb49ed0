"""Store and broker: URLs that never show a password, and the files that passwords come from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)

from jobs.addresses import masked, parse_address, with_password
from jobs.settings_faults import OTHERS, expected
from jobs.settings_numbers import Duration, Size
from jobs.settings_options import FROM_ENVIRONMENT


class Section(BaseModel):
    """A table of the configuration: what it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Endpoint(Section):
    """A URL whose password never shows."""

    schemes: ClassVar[tuple[str, ...]]
    _password: SecretStr | None = PrivateAttr(None)

    url: str | None = None
    password_file: Annotated[Path | None, FROM_ENVIRONMENT] = Field(
        default=None, description="A file with nothing but the password, which only you can read."
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is not None:
            _check(url, cls.schemes)
        return url

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.password_file is not None:
            if self.url is None or parse_address(self.url).password is not None:
                raise expected("given only beside a `url` without a password", "password_file")
            self._password = read_secret(self.password_file, "password_file")
        return self

    @property
    def opening_url(self) -> str | None:
        """The URL with its password, for what opens the connection and nothing else."""
        if self.url is None or self._password is None:
            return self.url
        return with_password(self.url, self._password.get_secret_value())

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "url", None if self.url is None else masked(self.url)
        yield "password_file", self.password_file


class StoreSettings(Endpoint):
    """Where batches and jobs are kept."""

    schemes: ClassVar = ("sqlite", "postgresql", "postgresql+psycopg")
    url: Annotated[str | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="`sqlite:////path/to/file.db` or `postgresql://user@host/name`; "
        "without it `nightmill.db` in the data directory.",
    )
    prune_after: Annotated[Duration | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="How long batches are kept after their end, such as `30d`, before they are "
        "deleted with their prompts and answers; without it they stay until somebody deletes them.",
    )
    min_free: Annotated[Size, FROM_ENVIRONMENT] = Field(
        default="500 MB",
        validate_default=True,
        description="What stays free on the disk of a store that is a file: with less, no more "
        "rows are begun until there is room again.",
    )


class BrokerSettings(Endpoint):
    """Where hints to workers travel."""

    schemes: ClassVar = ("redis", "rediss", "redis+socket")
    url: Annotated[str | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="`redis://host:6379/0`, `rediss://…` or `redis+socket:///path/to/socket`; "
        "without it `run` starts a private one.",
    )


def read_secret(path: Path, key: str) -> SecretStr:
    """The password or key in a file, which setting `key` names; raises what validators raise."""
    what = key.removesuffix("_file")
    try:
        if path.stat().st_mode & OTHERS:
            raise expected("a file that only you can read (run chmod 600 on it)", key)
        secret = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise expected(f"a file that can be read ({error.strerror})", key) from None
    except UnicodeDecodeError:
        raise expected("a file of UTF-8 text", key) from None
    if not secret:
        raise expected(f"a file with a {what} in it (it is empty)", key)
    return SecretStr(secret)


def _check(url: str, schemes: tuple[str, ...]) -> None:
    try:
        address = parse_address(url)
    except ValueError:
        raise expected(
            "a URL like scheme://user@host:port/name, with odd characters percent-encoded"
        ) from None
    if address.scheme not in schemes:
        raise expected("a URL that begins with " + " or ".join(f"{s}://" for s in schemes))
    if address.scheme == "sqlite":
        if not url.startswith("sqlite:////") or "?" in url:
            raise expected("an absolute path with four slashes, as in sqlite:////path/to/file.db")
    elif not address.hosts:
        # Without one, libpq would look for it in the environment.
        raise expected("a URL that names its host")
    elif address.query.keys() & {"service", "servicefile"}:
        raise expected("a URL that names its host itself, not through a service")
