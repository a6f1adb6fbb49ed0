"""Pools: what generates in each, and for those that ask a server, where it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from jobs.addresses import is_private, parse_address
from jobs.hours import Hours
from jobs.settings_endpoints import Section, read_secret
from jobs.settings_faults import expected
from jobs.settings_numbers import Count, Seconds
from jobs.settings_options import FROM_ENVIRONMENT

BackendName = Literal["mlx", "ollama", "openai", "fake", "null"]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]

#: Jobs that a backend does at once where nothing else is said.
DEFAULT_SLOTS: dict[BackendName, int] = {
    "mlx": 32,
    "ollama": 1,
    "openai": 4,
    "fake": 4,
    "null": 32,
}
#: Where a server is where nothing else is said; `openai` stands for many, so it has to be said.
DEFAULT_URLS: dict[BackendName, str] = {"ollama": "http://127.0.0.1:11434"}

_OF_SERVERS = frozenset(
    {"url", "key_file", "connect_s", "first_token_s", "between_tokens_s", "total_s"}
)
_HAVE_SERVERS = frozenset({"ollama", "openai"})
#: Why a setting does nothing where it is not that of a server.
_REASONS = {"models_dir": "reads no models", "num_ctx": "has no such setting"}

_HOST = "`localhost`, or an address of this machine or of a private network"


class PoolSettings(Section):
    """A group of identical slots, served by one kind of backend."""

    backend: BackendName = Field(
        description="What generates: `mlx` does so itself, `ollama` asks an Ollama, `openai` any "
        "server with OpenAI's `/v1`; `fake` and `null` are for tests and benchmarks. "
        "May be left out in a pool of that name."
    )
    models_dir: Annotated[Path | None, FROM_ENVIRONMENT] = Field(
        default=None, description="A folder of model folders; for `mlx` by default `~/mlx-models`."
    )
    slots: Annotated[Count | None, FROM_ENVIRONMENT] = Field(
        default=None,
        ge=1,
        le=1024,
        description="Jobs done at once: by default "
        + ", ".join(f"{slots} for `{name}`" for name, slots in DEFAULT_SLOTS.items())
        + ".",
    )
    prefer: Annotated[tuple[NonEmpty, ...], FROM_ENVIRONMENT] = Field(
        default=(),
        description="Names of models that `auto` tries first; in a variable with commas.",
    )
    hours: Annotated[tuple[str, ...] | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="When it works, by the local time of the machine whose worker it is: "
        '`22:00-07:00`, or a list such as `["mon-fri 22:00-07:00", "sat,sun"]`; in a variable '
        "with semicolons. Outside these hours nothing begins, running jobs get `worker.grace_s`, "
        "and models leave the memory. A machine that sleeps is not woken. By default always.",
    )
    url: Annotated[str | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="Where the server is: `http://127.0.0.1:8080`, `https://…` or "
        "`http+socket:///path/to/socket`; for `ollama` by default "
        f"`{DEFAULT_URLS['ollama']}`. On this machine or, where your own configuration says so, "
        "at an address of a private network; prompts go there.",
    )
    key_file: Annotated[Path | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="A file with nothing but the server's key, which only you can read.",
    )
    connect_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=5, ge=0.1, description="Seconds that connecting to the server may take."
    )
    first_token_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=600,
        ge=1,
        description="Seconds until the first token: the server's queue, loading the model and "
        "reading the prompt are in it.",
    )
    between_tokens_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=120, ge=1, description="Seconds from one token to the next."
    )
    total_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=3600, ge=1, description="Seconds that one answer of the server may take in all."
    )
    num_ctx: Annotated[Count | None, FROM_ENVIRONMENT] = Field(
        default=None,
        ge=256,
        le=16_777_216,
        description="Tokens of prompt and answer together, for every model of an `ollama` pool; by "
        "default as many as the prompts ask for, in doubling steps.",
    )

    _key: SecretStr | None = PrivateAttr(None)
    _opening: Hours | None = PrivateAttr(None)

    @field_validator("prefer", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("hours", mode="before")
    @classmethod
    def _split_semicolons(cls, value: object) -> object:
        return value.split(";") if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is not None:
            _check(url)
        return url

    @model_validator(mode="after")
    def _read_hours(self) -> Self:
        if self.hours is not None:
            try:
                self._opening = Hours.parse(self.hours)
            except ValueError as error:
                raise expected(str(error), "hours") from None
        return self

    @model_validator(mode="after")
    def _check_server(self) -> Self:
        if self.backend == "openai" and self.url is None:
            raise expected("given, as in http://127.0.0.1:8080", "url")
        if self.key_file is not None:
            self._key = read_secret(self.key_file, "key_file")
        return self

    @property
    def slots_or_default(self) -> int:
        """The slots that were given, or else those of the backend."""
        return DEFAULT_SLOTS[self.backend] if self.slots is None else self.slots

    @property
    def opening(self) -> Hours | None:
        """When it works; None is always."""
        return self._opening

    @property
    def server_url(self) -> str:
        """Where the server is; empty for a backend that has none."""
        return self.url or DEFAULT_URLS.get(self.backend, "")

    @property
    def key(self) -> str | None:
        """The server's key, for what opens the connection and nothing else: never show it."""
        return None if self._key is None else self._key.get_secret_value()


def with_backend(name: object, pool: object) -> object:
    """A pool's table, with the backend of its name where it names none."""
    if not isinstance(pool, dict):
        return pool
    return {"backend": name if name in DEFAULT_SLOTS else None, **pool}


def pool_warnings(pools: Mapping[str, PoolSettings]) -> Iterator[str]:
    """What is set in a pool and does nothing there, one sentence each."""
    for name, pool in pools.items():
        for setting in sorted(_without_use(pool)):
            reads = _REASONS.get(setting, "asks no server")
            yield f"`pools.{name}.{setting}` does nothing: {pool.backend} {reads}"
        if pool.backend == "mlx" and pool.models_dir and not pool.models_dir.is_dir():
            yield f"`pools.{name}.models_dir`: there is no folder {pool.models_dir}"


def _without_use(pool: PoolSettings) -> set[str]:
    useless: set[str] = set() if pool.backend == "mlx" else {"models_dir"}
    if pool.backend != "ollama":
        useless.add("num_ctx")
    if pool.backend not in _HAVE_SERVERS:
        useless |= _OF_SERVERS
    return {name for name in useless & pool.model_fields_set if getattr(pool, name) is not None}


def _check(url: str) -> None:
    """Refuse what is no URL of a model server, or would let prompts out of private networks."""
    try:
        address = parse_address(url)
    except ValueError:
        raise expected("a URL like http://127.0.0.1:8080, with nothing odd in it") from None
    if address.scheme not in {"http", "https", "http+socket"}:
        raise expected("a URL that begins with http:// or https:// or http+socket://")
    if not any(address.hosts):
        raise expected("a URL that names its host")
    if address.user or address.password is not None:
        raise expected("a URL without user and password: a key goes into `key_file`")
    if address.query or "?" in url:
        raise expected("a URL without a query")
    if not all(is_private(host) for host in address.hosts):
        raise expected(
            f"{_HOST}: a name may lead anywhere, and to public addresses only a `cloud` pool "
            "may ever talk"
        )
