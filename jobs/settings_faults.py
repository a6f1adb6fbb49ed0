"""What is wrong with the configuration, one sentence each: expected X to be Y, got Z."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from jobs.addresses import Address, is_this_machine, masked, parse_address
from jobs.settings_options import known_names
from jobs.settings_sources import Given, Key, nearest

#: By pydantic's type of error; what is not here is said in pydantic's own words.
_WHAT = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge:g} or more",
    "less_than_equal": "{le:g} or less",
    "literal_error": "{expected}",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "path_type": "a path",
    "tuple_type": "a list of texts",
    "model_type": "a table",
    "dict_type": "a table",
}
#: Characters of a value or a key that are worth showing.
_CUT = 80

#: The bits of a file's mode that let anybody but its owner do anything.
OTHERS = 0o077

#: What pydantic takes for false.
_NO = frozenset({"0", "off", "f", "false", "n", "no"})

_POOL_NAME = "1 to 32 of a-z, 0-9, - and _, beginning with a letter"

#: Where people put a password by mistake: the value is left out.
_UNSHOWN = frozenset({"password_file", "key_file", "webhook_key_file"})


def expected(what: str, key: str = "") -> PydanticCustomError:
    """For validators: "expected … to be `what`", of the `key` in the table that is checked."""
    return PydanticCustomError("expected", "{what}", {"what": what, "key": key})


def refuse_bool(value: object) -> object:
    """Before a number: `true` is none, though Python takes it for 1."""
    if isinstance(value, bool):
        raise expected("a number")
    return value


def faults_of(
    error: ValidationError, model: type[BaseModel], given: Mapping[Key, Given]
) -> list[str]:
    """All that pydantic found, in our words."""
    return [_sentence(detail, model, given) for detail in error.errors(include_url=False)]


def _sentence(detail: ErrorDetails, model: type[BaseModel], given: Mapping[Key, Given]) -> str:
    context = detail.get("ctx", {})
    key = tuple(str(part) for part in (*detail["loc"], context.get("key", "")) if part != "")
    where = _where(key, given)
    name = _shown(key)
    match detail["type"]:
        case "extra_forbidden":
            known = known_names(model, key[:-1])
            return f"unknown key `{name}` in {where}: {nearest(key[-1], known)}"
        case "string_pattern_mismatch":
            pool = _shown(key[:-1])
            return f"expected the name of `{pool}` to be {_POOL_NAME}; rename it in {where}"
        case _:
            what = _WHAT.get(detail["type"], detail["msg"]).format(**context)
            got = "" if context.get("key") else _got(key[-1], detail["input"])
            return f"expected `{name}` to be {what}{got}; correct it in {where}"


def _shown(key: Key) -> str:
    """The key on one line, whatever somebody put into its names."""
    return ".".join(part if part.isprintable() else ascii(part) for part in key)[:_CUT]


def _where(key: Key, given: Mapping[Key, Given]) -> str:
    """Where the value was given, or else its table."""
    for length in range(len(key), 0, -1):
        for each, value in given.items():
            if each[:length] == key[:length]:
                return value.origin.name
    return "the configuration"


def _got(name: str, value: Any) -> str:
    if name in _UNSHOWN:
        return ""
    if name in {"url", "webhook"} and isinstance(value, str):
        return f", got {masked(value)}"
    if isinstance(value, str):
        # A URL in the wrong place may hold a password all the same.
        return ", got a URL" if "://" in value else f", got {value[:_CUT]!r}"
    if isinstance(value, (int, float)):
        return f", got {value!r}"[:_CUT]
    if value is None:
        return ", got nothing"
    return f", got a {'table' if isinstance(value, Mapping) else type(value).__name__}"


def widening(
    file: Mapping[Key, Given], given: Mapping[Key, Given], environ: Mapping[str, str]
) -> Iterator[str]:
    """What would send hints or prompts, or open pages, to where the owner's own configuration
    does not.
    """
    for key in _urls(given):
        address = _address(given.get(key))
        if address is None:
            continue
        origin = given[key].origin
        if not (origin.is_owners or address.is_local or _is_named(address, file.get(key))):
            yield (
                f"expected `{'.'.join(key)}` from {origin.name} to be on this machine, got "
                f"{masked(given[key].value)}: only a file that you name with --config, or the one "
                "in your configuration folder, may point elsewhere; write it there"
            )
        if address.scheme.startswith("postgresql"):
            for name in sorted({"PGHOSTADDR", "PGSERVICE"} & environ.keys()):
                yield f"expected {name} not to be set: it would lead the store elsewhere; unset it"
    yield from _opening(given.get(("monitor", "address")))
    yield from _telling(given)
    yield from _dialling(given)


def _opening(address: Given | None) -> Iterator[str]:
    """What would let others see what runs here."""
    if address is None or address.origin.is_owners or not isinstance(address.value, str):
        return
    if not is_this_machine(address.value):
        yield (
            f"expected `monitor.address` from {address.origin.name} to be on this machine, got "
            f"{address.value[:_CUT]!r}: only a file that you name with --config, the one in your "
            "configuration folder, or --address may say otherwise; say it there"
        )


def _telling(given: Mapping[Key, Given]) -> Iterator[str]:
    """What would start a program, or tell somebody of batches, that the owner did not name."""
    for name in ("command", "webhook"):
        for key in given:
            if key[:2] == ("notify", name) and not given[key].origin.is_owners:
                yield (
                    f"expected `notify.{name}` to be in your own configuration, not in"
                    f" {given[key].origin.name}: only a file that you name with --config, or the"
                    " one in your configuration folder, may say whom to tell; write it there"
                )
                break


def _dialling(given: Mapping[Key, Given]) -> Iterator[str]:
    """What would log in somewhere with the owner's key."""
    for key in given:
        if key[0] == "tunnel" and not given[key].origin.is_owners:
            yield (
                f"expected `tunnel` to be in your own configuration, not in"
                f" {given[key].origin.name}: only a file that you name with --config, or the one in"
                " your configuration folder, may say where to log in; write it there"
            )
            return


def switched_on(file: Mapping[Key, Given], given: Mapping[Key, Given]) -> Iterator[str]:
    """What a variable would switch on again that the file has switched off."""
    key = ("discover",)
    if key in file and file[key].value is False and not _is_no(given[key]):
        yield (
            f"expected {given[key].origin.name} not to switch on what {file[key].origin.name} "
            "switches off; unset it"
        )


def exposed(in_file: Mapping[Key, Given]) -> Iterator[str]:
    """A warning where the file has a password in a URL and others can read it."""
    for key in _urls(in_file):
        address = _address(in_file.get(key))
        if address and address.password and Path(in_file[key].origin.name).stat().st_mode & OTHERS:
            yield (
                f"`{'.'.join(key)}` has a password in {in_file[key].origin.name}, which others can "
                "read: run chmod 600 on that file, or use `password_file`"
            )


def _is_no(given: Given) -> bool:
    return given.origin.is_owners or str(given.value).casefold() in _NO


def _urls(given: Mapping[Key, Given]) -> list[Key]:
    return [key for key in given if key[0] in {"store", "broker", "pools"} and key[-1] == "url"]


def _address(given: Given | None) -> Address | None:
    try:
        return parse_address(given.value) if given and isinstance(given.value, str) else None
    except ValueError:
        return None


def _is_named(address: Address, in_file: Given | None) -> bool:
    """Whether the owner's file names the same hosts."""
    other = _address(in_file)
    return (
        other is not None
        and in_file is not None
        and in_file.origin.is_owners
        and address.hosts <= other.hosts
    )
