"""Settings: read once at the entry point, checked as a whole, then passed on as an argument.

The only reader of the environment. Plain pydantic rather than pydantic-settings: the sources of
that read the process's own environment, pass over variables that they do not know, and forget
where a value came from, which decides here whether it may say where prompts go.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import platformdirs
from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from jobs.errors import SettingsError
from jobs.settings_endpoints import BrokerSettings, Section, StoreSettings
from jobs.settings_faults import expected, exposed, faults_of, refuse_bool, widening
from jobs.settings_monitor import MonitorSettings
from jobs.settings_options import FROM_ENVIRONMENT, named, options
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

BackendName = Literal["mlx", "fake", "null"]
PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Seconds = Annotated[float, BeforeValidator(refuse_bool), Field(le=86_400)]
Count = Annotated[int, BeforeValidator(refuse_bool)]

#: Jobs that a backend does at once where nothing else is said.
DEFAULT_SLOTS: dict[BackendName, int] = {"mlx": 32, "fake": 4, "null": 32}


class PoolSettings(Section):
    """A group of identical slots, served by one kind of backend."""

    backend: BackendName = Field(
        description="What generates: `mlx`; `fake` and `null` are for tests and benchmarks. "
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

    @field_validator("prefer", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @property
    def slots_or_default(self) -> int:
        """The slots that were given, or else those of the backend."""
        return DEFAULT_SLOTS[self.backend] if self.slots is None else self.slots


class WorkerSettings(Section):
    """How long a worker may keep a job, and how often a job may fail."""

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
        default=3, ge=1, description="Engines that may die of one job before it fails as `poison`."
    )


class _Read(NamedTuple):
    """What is known of the configuration beside its values."""

    source: str
    warnings: tuple[str, ...]


class Settings(Section):
    """Everything that can be set, checked and complete.

    A test or a script may make one without any file: `Settings(data_dir=folder)`.
    """

    _source: str = PrivateAttr("")
    _warnings: tuple[str, ...] = PrivateAttr(())

    data_dir: Annotated[Path, FROM_ENVIRONMENT] = Field(
        default_factory=lambda: platformdirs.user_data_path("nightmill"),
        description="Where Nightmill keeps its store, logs and private broker; "
        "by default your system's folder for application data.",
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

    def model_post_init(self, read: _Read | None) -> None:
        self._source = read.source if read else ""
        self._warnings = (*(read.warnings if read else ()), *_pool_warnings(self.pools))

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
        return {name: _with_backend(name, pool) for name, pool in pools.items()}

    @property
    def source(self) -> str:
        """Path of the configuration file in use; empty without one."""
        return self._source

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and yet hardly meant, one sentence each."""
        return self._warnings

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
    given = in_file | read_environment(environ, known, cwd) | read_flags(overrides, cwd)
    faults += widening(in_file, given, environ)
    try:
        settings = Settings.model_validate(
            tree(given), context=_Read(str(file.path) if file else "", tuple(exposed(in_file)))
        )
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
    pools = sorted({key[1] for key in in_file if key[0] == "pools" and len(key) > 1} or {"mlx"})
    may: dict[str, Key] = {}
    may_not: list[str] = []
    for option in options(Settings):
        for key in named(option.key, pools):
            if option.from_environment:
                may[variable(key)] = key
            else:
                may_not.append(variable(key))
    return may, tuple(may_not)


def _with_backend(name: object, pool: object) -> object:
    if not isinstance(pool, dict):
        return pool
    return {"backend": name if name in DEFAULT_SLOTS else None, **pool}


def _pool_warnings(pools: Mapping[str, PoolSettings]) -> Iterator[str]:
    for name, pool in pools.items():
        if pool.models_dir is None:
            continue
        if pool.backend != "mlx":
            yield f"`pools.{name}.models_dir` does nothing: {pool.backend} reads no models"
        elif not pool.models_dir.is_dir():
            yield f"`pools.{name}.models_dir`: there is no folder {pool.models_dir}"
