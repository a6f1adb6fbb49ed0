"""What a daemon makes of the name in a request, and how it refuses what is none."""

from typing import Any

from tests.doubles.ollama import models, says

_OWNED = "registry.ollama.ai/library/"


def name_in(body: dict[str, Any], path: str, *, has_suffixes: bool) -> str:
    """The name as it was asked for; seen on 0.17.7 without suffixes and on 0.20.2 with them."""
    name = body.get("model") or ""
    if not isinstance(name, str):
        raise says.error(400, "json: cannot unmarshal into Go struct field of type string")
    is_embed = path == "/api/embed"
    if has_suffixes:
        return _with_suffix(name, is_embed=is_embed)
    if not models.is_valid(name):
        if is_embed or (name and path == "/api/show"):
            raise says.error(500, f"unqualified name: {_OWNED}{name or '!MISSING!:latest'}")
        raise says.error(400, "model is required")
    return name


def full(name: str) -> str:
    """The name as the daemon itself writes it in some of its errors."""
    return f"{_OWNED}{models.with_tag(name)}"


def _with_suffix(name: str, *, is_embed: bool) -> str:
    base = models.without_suffix(name)
    if not name:
        raise (
            says.error(404, "model '' not found")
            if is_embed
            else says.error(400, "model is required")
        )
    if base != name and models.without_suffix(base) != base:
        raise says.error(400, f'use either :local or :cloud, not both: "{name}"')
    if not models.is_valid(base):
        raise says.error(400, "invalid model name")
    return name
