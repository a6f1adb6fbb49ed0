"""Settings: read once at the entry point, checked as a whole, then passed on as an argument.

The only reader of the environment. Plain pydantic rather than pydantic-settings: the sources of
that read the process's own environment, pass over variables that they do not know, and forget
where a value came from, which decides here whether it may say where prompts go.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, Self

import platformdirs
from pydantic import (
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from jobs.errors import SettingsError
from jobs.settings_endpoints import BrokerSettings, Section, StoreSettings
from jobs.settings_faults import expected, exposed, faults_of, switched_on, widening
from jobs.settings_monitor import MonitorSettings
from jobs.settings_notify import NotifySettings
from jobs.settings_numbers import Count, Seconds
from jobs.settings_options import FROM_ENVIRONMENT, named, options
from jobs.settings_pools import NonEmpty, PoolSettings, pool_warnings, with_backend
from jobs.settings_sources import (
    Given,
    Key,
    find_config,
    read_config,
    read_environment,
    read_flags,
    tree,
    unknown_variables,
    variable,
)
from jobs.settings_tunnel import TunnelSettings

HostName = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,64}$")]
PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class WorkerSettings(Section):
    """How long a worker keeps a job, how often one may fail, and whether its machine may sleep."""

    name: Annotated[HostName | None, FROM_ENVIRONMENT] = Field(
        default=None,
        description="What this machine is called in lists and results; by default its host name. "
        "No two machines may have the same.",
    )
    lease_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=60, ge=5, description="Seconds that a job stays with a worker that is not heard of."
    )
    grace_s: Annotated[Seconds, FROM_ENVIRONMENT] = Field(
        default=30,
        ge=0,
        description="Seconds that running jobs get to end when a worker is stopped.",
    )
    max_attempts: Annotated[Count, FROM_ENVIRONMENT] = Field(
        default=3, ge=1, description="Errors of its own after which a job fails."
    )
    max_crashes: Annotated[Count, FROM_ENVIRONMENT] = Field(
        default=3,
        ge=1,
        description="Times that the engine or the worker of one job may die while nothing else is"
        " in it before the job fails as `poison`; the first death, which makes it a suspect, not"
        " counted.",
    )
    allow_sleep: Annotated[bool, FROM_ENVIRONMENT] = Field(
        default=False,
        description="`true`: the machine of a worker is not kept awake while there are jobs.",
    )


class _Read(NamedTuple):
    """What is known of the configuration beside its values."""

    source: str
    is_owners: bool
    warnings: tuple[str, ...]
    names_pools: bool


class Settings(Section):
    """Everything that can be set, checked and complete.

    A test or a script may make one without any file: `Settings(data_dir=folder)`.
    """

    _source: str = PrivateAttr("")
    _is_owners: bool = PrivateAttr(default=False)
    _warnings: tuple[str, ...] = PrivateAttr(())
    _names_pools: bool = PrivateAttr(default=False)
    _found: dict[str, str] = PrivateAttr(default_factory=dict)

    data_dir: Annotated[Path, FROM_ENVIRONMENT] = Field(
        default_factory=lambda: platformdirs.user_data_path("nightmill"),
        description="Where Nightmill keeps its store, logs and private broker; "
        "by default your system's folder for application data.",
    )
    discover: Annotated[bool, FROM_ENVIRONMENT] = Field(
        default=True,
        description="Whether to look on this machine for model servers, where no pools are "
        "configured: an Ollama on port 11434 for a pool `ollama`; mlx_lm.server, llama-server, "
        "LM Studio or vLLM on port 8080, 1234 or 8000 for a pool `openai`. "
        "A variable can only switch it off.",
    )
    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    pools: dict[PoolName, PoolSettings] = Field(
        default_factory=lambda: {"mlx": PoolSettings(backend="mlx")}
    )
    aliases: dict[NonEmpty, NonEmpty] = Field(
        default_factory=dict, description='Names of your own for models: `fast = "…"`.'
    )
    worker: WorkerSettings = WorkerSettings()
    monitor: MonitorSettings = MonitorSettings()
    notify: NotifySettings = NotifySettings()
    tunnel: dict[PoolName, TunnelSettings] = Field(default_factory=dict)

    def model_post_init(self, read: _Read | None) -> None:
        self._source = read.source if read else ""
        self._is_owners = read.is_owners if read else False
        self._warnings = (*(read.warnings if read else ()), *pool_warnings(self.pools))
        self._names_pools = read.names_pools if read else "pools" in self.model_fields_set

    @field_validator("data_dir")
    @classmethod
    def _check_data_dir(cls, path: Path) -> Path:
        if not path.is_absolute() or any(odd in str(path) for odd in "?\0"):
            raise expected("an absolute path without `?`")
        return path

    @field_validator("pools", mode="before")
    @classmethod
    def _name_backends(cls, pools: object) -> object:
        if not isinstance(pools, dict):
            return pools
        return {name: with_backend(name, pool) for name, pool in pools.items()}

    @property
    def source(self) -> str:
        """Path of the configuration file in use; empty without one."""
        return self._source

    @property
    def owners_source(self) -> str:
        """Path of the file in use where it is the owner's own for sure, else empty.

        Only this one may be passed on as a file that was named: that makes it the owner's.
        """
        return self._source if self._is_owners else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and yet hardly meant, one sentence each."""
        return self._warnings

    @property
    def names_pools(self) -> bool:
        """Whether the configuration says what pools there are."""
        return self._names_pools

    @property
    def found(self) -> Mapping[str, str]:
        """Of the pools that were found rather than configured, where their servers are."""
        return self._found

    def with_found(self, servers: Mapping[str, str]) -> Self:
        """The same with pools for servers that were found, given by kind of backend and URL."""
        pools = {
            kind: PoolSettings.model_validate({"backend": kind, "url": url})
            for kind, url in servers.items()
        }
        more = self.model_copy(update={"pools": {**self.pools, **pools}})
        more._found = dict(servers)  # noqa: SLF001  (its own kind)
        return more

    @property
    def store_url(self) -> str:
        """What opens the store. It may hold a password: never show it, show `store` instead."""
        return self.store.opening_url or f"sqlite:///{self.data_dir / 'nightmill.db'}"

    @property
    def broker_url(self) -> str | None:
        """What opens the broker; None for the embedded one. It may hold a password, as above."""
        return self.broker.opening_url


def load_settings(
    config: Path | None,
    environ: Mapping[str, str],
    cwd: Path,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """Read the configuration file, the environment over it and `overrides` over that.

    `overrides` has the tables of the file: `{"pools": {"mlx": {"slots": 4}}}`. The folders of
    the user are the operating system's; all else comes from the arguments. Raises
    `SettingsError` with all faults.
    """
    faults: list[str] = []
    in_file: dict[Key, Given] = {}
    file = find_config(config, environ, cwd)
    try:
        in_file = read_config(file) if file else {}
    except SettingsError as error:
        faults += error.faults
    known, only_in_file = _variables(in_file)
    faults += unknown_variables(environ, known, only_in_file)
    flags = read_flags(overrides, cwd)
    given = in_file | read_environment(environ, known, cwd) | flags
    faults += [*widening(in_file, given, environ), *switched_on(in_file, given)]
    read = _Read(
        source=str(file.path) if file else "",
        is_owners=file is not None and file.is_owners,
        warnings=tuple(exposed(in_file)),
        # A variable changes a pool, it does not make one.
        names_pools=any(key[0] == "pools" for key in in_file | flags),
    )
    try:
        settings = Settings.model_validate(tree(given), context=read)
    except ValidationError as error:
        # Not chained: pydantic's own text shows what was given, secrets too.
        raise SettingsError(faults + faults_of(error, Settings, given)) from None
    if faults:
        raise SettingsError(faults)
    return settings


def _variables(in_file: Mapping[Key, Given]) -> tuple[dict[str, Key], tuple[str, ...]]:
    """What the environment may set, by the names of the variables, and the names it may not.

    Pools are those of the file: a variable changes a pool, it does not make one.
    """
    may: dict[str, Key] = {}
    may_not: list[str] = []
    for option in options(Settings):
        table = option.key[0]
        names = {key[1] for key in in_file if key[0] == table and len(key) > 1}
        for key in named(option.key, sorted(names or {"mlx"})):
            if option.from_environment:
                may[variable(key)] = key
            else:
                may_not.append(variable(key))
    return may, tuple(may_not)
