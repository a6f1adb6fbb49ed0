"""Whom to tell that a batch is over, paused or expired; only its id and its counts are told."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator

from jobs.addresses import parse_address
from jobs.settings_endpoints import Section, read_secret
from jobs.settings_faults import expected
from jobs.settings_options import FROM_ENVIRONMENT

EventName = Literal["completed", "failed", "paused", "expired"]
EVENTS: tuple[EventName, ...] = ("completed", "failed", "paused", "expired")


class NotifySettings(Section):
    """Whom to tell that a batch is over, paused or expired; only its id and its counts are told."""

    _key: SecretStr | None = PrivateAttr(None)

    on: tuple[EventName, ...] = Field(
        default=(),
        description="What is told: by default all of "
        + ", ".join(f"`{event}`" for event in EVENTS)
        + ".",
    )
    always: bool = Field(
        default=False, description="Of every batch, not only of those begun with `--notify`."
    )
    desktop: Annotated[bool, FROM_ENVIRONMENT] = Field(
        default=True,
        description="Show it on the desktop of the machine that leads: `osascript` on macOS, "
        "`notify-send` elsewhere, where there is one.",
    )
    webhook: str | None = Field(
        default=None,
        description="An `http://` or `https://` address to which it is posted as JSON. "
        "Only your own configuration may name one.",
    )
    webhook_key_file: Path | None = Field(
        default=None,
        description="A file with nothing but a key that goes along as `Authorization: Bearer`, "
        "which only you can read.",
    )
    command: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="A program and its arguments, started with the same JSON on its standard "
        "input. Only your own configuration may name one.",
    )

    @field_validator("webhook")
    @classmethod
    def _check_webhook(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            address = parse_address(url)
        except ValueError:
            raise expected("a URL like https://example.org/hook") from None
        if address.scheme not in {"http", "https"} or not any(address.hosts):
            raise expected("a URL that begins with http:// or https:// and names its host")
        if not url.isascii():
            raise expected("a URL in ASCII, with all other characters percent-encoded")
        if address.user or address.password is not None:
            raise expected("a URL without user and password: a key goes into `webhook_key_file`")
        return url

    @model_validator(mode="after")
    def _read_key(self) -> Self:
        if self.webhook_key_file is not None:
            if self.webhook is None:
                raise expected("given only beside a `webhook`", "webhook_key_file")
            self._key = read_secret(self.webhook_key_file, "webhook_key_file")
            if not _is_fit(self._key.get_secret_value()):
                raise expected(
                    "a file with a key of printable ASCII on its only line", "webhook_key_file"
                )
        return self

    @property
    def events(self) -> tuple[EventName, ...]:
        """What is told."""
        return self.on or EVENTS

    @property
    def webhook_key(self) -> str | None:
        """The key that goes along, for what posts and nothing else: never show it."""
        return None if self._key is None else self._key.get_secret_value()


def _is_fit(key: str) -> bool:
    """Whether it can go into a header."""
    return key.isascii() and key.isprintable()
