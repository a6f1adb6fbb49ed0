"""Where settings come from: one file, the environment over it, flags over that.

Each value keeps where it came from, so that a fault can say what to correct and a value from
the environment can be kept from widening where prompts go.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from jobs.errors import SettingsError

FILE_NAME = "nightmill.toml"
PREFIX = "NIGHTMILL_"
CONFIG_VARIABLE = "NIGHTMILL_CONFIG"
#: Variables of the test suite are no settings.
TEST_PREFIX = "NIGHTMILL_TEST_"

_PATHS = frozenset(
    {
        *("data_dir", "models_dir", "password_file", "key_file", "webhook_key_file"),
        "known_hosts_file",
    }
)

#: How deep the deepest setting is: `pools.mlx.slots`.
_DEPTH = 3

#: The names from the root to a setting: `("pools", "mlx", "slots")`.
Key = tuple[str, ...]


class Origin(NamedTuple):
    """Where a value was said."""

    #: A file, a variable, or the command line, for messages.
    name: str
    #: Whether the owner of this machine is sure to have said it, so that it may widen things.
    is_owners: bool


class Given(NamedTuple):
    """A value that was given, and where."""

    value: Any
    origin: Origin


class ConfigFile(NamedTuple):
    """The configuration file in use."""

    path: Path
    #: False for the file of the current folder, which somebody may have handed over, and for one
    #: that a variable names.
    is_owners: bool


def find_config(config: Path | None, environ: Mapping[str, str], cwd: Path) -> ConfigFile | None:
    """The first configuration file of the search order; a file that was named need not exist."""
    if config:
        return ConfigFile(_absolute(config, cwd), is_owners=True)
    if in_variable := environ.get(CONFIG_VARIABLE):
        # Whoever handed a folder over may have brought variables along with it.
        return ConfigFile(_absolute(in_variable, cwd), is_owners=False)
    for path, is_owners in (
        (cwd / FILE_NAME, False),
        (platformdirs.user_config_path("nightmill") / FILE_NAME, True),
    ):
        if os.path.lexists(path):
            return ConfigFile(path, is_owners=is_owners)
    return None


def read_config(file: ConfigFile) -> dict[Key, Given]:
    """All that the file says; raises `SettingsError` when it cannot be read as TOML."""
    values = _parse(file.path)
    origin = Origin(str(file.path), file.is_owners)
    return {key: Given(value, origin) for key, value in _resolved(values, file.path.parent)}


def read_flags(overrides: Mapping[str, Any], cwd: Path) -> dict[Key, Given]:
    """What the command line says."""
    origin = Origin("the command line", is_owners=True)
    return {key: Given(value, origin) for key, value in _resolved(overrides, cwd)}


def read_environment(
    environ: Mapping[str, str], known: Mapping[str, Key], cwd: Path
) -> dict[Key, Given]:
    """What the variables say that are `known`."""
    return {
        known[name]: Given(_at_home(known[name], value, cwd), Origin(name, is_owners=False))
        for name, value in _ours(environ).items()
        if name in known
    }


def unknown_variables(
    environ: Mapping[str, str], known: Mapping[str, Key], only_in_file: tuple[str, ...]
) -> Iterator[str]:
    """A fault for each variable of ours that is no setting, or one that only the file may say."""
    for name in sorted(_ours(environ).keys() - known.keys()):
        if name.startswith(only_in_file):
            yield f"expected `{name}` not to be set: only the file may say it; write it there"
        else:
            yield f"unknown variable `{name}`: {nearest(name, [*known, CONFIG_VARIABLE])}"


def variable(key: Key) -> str:
    """The environment variable of a setting: `NIGHTMILL_POOLS__MLX__SLOTS`."""
    return PREFIX + "__".join(key).upper()


def tree(given: Mapping[Key, Given]) -> dict[str, Any]:
    """The values as the nested tables that they are in the file."""
    root: dict[str, Any] = {}
    for key, (value, _) in given.items():
        node: Any = root
        for part in key[:-1]:
            node = node.setdefault(part, {}) if isinstance(node, dict) else node
        if isinstance(node, dict):
            node.setdefault(key[-1], value)
    return root


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is not known: the one that was meant, or all there are."""
    known = sorted(known)
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean `{close[0]}`?"
    return "known here are " + ", ".join(f"`{each}`" for each in known)


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables; an empty one counts as not set."""
    return {
        name: value
        for name, value in environ.items()
        if value
        and name.startswith(PREFIX)
        and not name.startswith(TEST_PREFIX)
        and name != CONFIG_VARIABLE
    }


def _parse(path: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        fault = f"to be a configuration file, got: {error.strerror}; correct its name or its rights"
    except UnicodeDecodeError as error:
        fault = f"to be UTF-8, got another byte at {error.start}; save it as UTF-8"
    except (ValueError, RecursionError) as error:
        fault = f"to be TOML, got: {error}; correct it there"
    raise SettingsError([f"expected {path} {fault}"])


def _resolved(values: Mapping[str, Any], folder: Path) -> Iterator[tuple[Key, Any]]:
    for key, value in _leaves(values, ()):
        yield key, _at_home(key, value, folder)


def _leaves(values: Mapping[str, Any], above: Key) -> Iterator[tuple[Key, Any]]:
    for name, value in values.items():
        # No setting is deeper; what is would only exhaust the stack.
        if isinstance(value, Mapping) and value and len(above) < _DEPTH - 1:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _at_home(key: Key, value: Any, folder: Path) -> Any:
    """A path made absolute from where it was written; anything else as it is."""
    if key[-1] in _PATHS and isinstance(value, (str, Path)) and str(value):
        return _absolute(value, folder)
    return value


def _absolute(path: str | Path, folder: Path) -> Path:
    # Unlike Path.expanduser it leaves the home of a user who does not exist as it is.
    return folder / os.path.expanduser(path)  # noqa: PTH111  (see above)
