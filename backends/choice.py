"""Which model a run uses: the one that was named, or the one that `auto` comes to."""

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from backends.base import ModelInfo
from backends.fit import AUTO_SHARE, NAMED_SHARE
from jobs.errors import NoModelError
from jobs.model import Endpoint
from jobs.sizes import size_text

AUTO = "auto"

#: The order at equal choice; a kind that is not here comes after them.
_KINDS = ("mlx", "ollama", "openai", "fake", "null")


class Candidate(msgspec.Struct, frozen=True):
    """A model that a pool offers."""

    pool: str
    #: The pool's kind of backend, such as `mlx`.
    backend: str
    model: ModelInfo
    #: Whether its server surely computes on a machine of the owner's. What only answers on a port
    #: of this machine may be forwarded from any other.
    is_sure: bool = True


class Choice(msgspec.Struct, frozen=True):
    """The model that a run uses."""

    pool: str
    model: ModelInfo
    #: One line for the user: which model, its size, why it, and how to choose another.
    why: str


def choose(
    candidates: Sequence[Candidate],
    *,
    wanted: str,
    prefer: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    memory_bytes: int,
    places: Sequence[str] = (),
    endpoint: Endpoint = "chat",
) -> Choice:
    """Choose a model that does `endpoint`: by name, alias or, for `auto`, by rule.

    `auto` takes the first match of `prefer` (names or patterns such as `qwen3*`), else the
    largest real model under 60 % of memory that surely runs here, else the demo. `places` says
    where was looked, for the message of the `NoModelError` that is raised when nothing fits.
    """
    able = [one for one in candidates if endpoint in one.model.endpoints]
    ranked = sorted(able, key=_rank)
    name = (aliases or {}).get(wanted, wanted)
    _refuse_unable(candidates, able, name, endpoint)
    if name != AUTO:
        return _choose_named(ranked, name, places)
    return (
        _choose_preferred(ranked, prefer, memory_bytes)
        or _choose_largest(ranked, memory_bytes)
        or _choose_demo(ranked, memory_bytes, places)
    )


def _rank(candidate: Candidate) -> tuple[int, int, str, str]:
    return (-candidate.model.size, _kind(candidate), candidate.pool, candidate.model.name)


def _kind(candidate: Candidate) -> int:
    return _KINDS.index(candidate.backend) if candidate.backend in _KINDS else len(_KINDS)


def _refuse_unable(
    candidates: Sequence[Candidate], able: Sequence[Candidate], name: str, endpoint: Endpoint
) -> None:
    """Say so where what is named, or all there is, does something else than is asked for."""
    if name != AUTO and _named(candidates, name) and not _named(able, name):
        if endpoint == "chat":
            raise NoModelError(
                f"{name} makes embeddings and answers nothing. Say --endpoint embeddings, or name"
                " another model: see `nightmill models`."
            )
        raise NoModelError(f"{name} makes no embeddings. {_how_to_embed(able)}")
    if endpoint == "embeddings" and not able:
        raise NoModelError(f"No pool has a model that makes embeddings. {_how_to_embed(able)}")


def _how_to_embed(able: Sequence[Candidate]) -> str:
    if able:
        names = ", ".join(dict.fromkeys(one.model.name for one in able))
        return f"Name one that does: {names}."
    return (
        "Models of MLX pools cannot. Configure a pool of a server that can, such as Ollama after:"
        " ollama pull nomic-embed-text"
    )


def _choose_named(ranked: Sequence[Candidate], name: str, places: Sequence[str]) -> Choice:
    found = _named(ranked, name)
    if len({one.model.name for one in found}) != 1:
        raise _unknown(ranked, name, places)
    return _chosen(min(found, key=_kind), "you named it")


def _named(candidates: Sequence[Candidate], name: str) -> list[Candidate]:
    return [one for one in candidates if one.model.name == name] or _alike(candidates, name)


def _alike(ranked: Sequence[Candidate], name: str) -> list[Candidate]:
    """Those whose name differs in case only, or lacks the part before the slash or `:latest`."""
    wanted = name.casefold()
    return [
        one
        for one in ranked
        if wanted
        in (
            full := one.model.name.casefold(),
            full.rpartition("/")[2],
            full.removesuffix(":latest"),
        )
    ]


def _choose_preferred(
    ranked: Sequence[Candidate], prefer: Sequence[str], memory_bytes: int
) -> Choice | None:
    for pattern in prefer:
        for one in ranked:
            is_named = pattern == one.model.name
            is_small_enough = one.model.size <= NAMED_SHARE * memory_bytes
            if is_named or (is_small_enough and _matches(one.model.name, pattern)):
                return _chosen(one, f"the first match of `prefer` ({pattern})")
    return None


def _matches(name: str, pattern: str) -> bool:
    full = name.casefold()
    return any(fnmatchcase(part, pattern.casefold()) for part in (full, full.rpartition("/")[2]))


def _choose_largest(ranked: Sequence[Candidate], memory_bytes: int) -> Choice | None:
    for one in ranked:
        fits = one.is_sure and one.model.size <= AUTO_SHARE * memory_bytes
        if fits and not one.model.is_demo:
            share = f"{AUTO_SHARE:.0%} of {size_text(memory_bytes)} memory"
            if not one.model.size:
                return _chosen(one, f"its server has it, and no other is known to fit {share}")
            return _chosen(one, f"the largest that fits {share}")
    return None


def _choose_demo(ranked: Sequence[Candidate], memory_bytes: int, places: Sequence[str]) -> Choice:
    demo = next((one for one in ranked if one.model.is_demo), None)
    unsure = next((one.model.name for one in ranked if not one.is_sure), None)
    if unsure is not None:
        reason = (
            f"{unsure} is on a server that was found, and what answers on a port may run anywhere, "
            f"so it is used only when named: --model {unsure}"
        )
        if demo is None:
            raise NoModelError(f"No model was chosen: {reason}")
        return _chosen(demo, f"a toy to try things out; {reason}")
    # What is still here was too big for `auto`.
    big = next((one.model for one in ranked if not one.model.is_demo), None)
    if big is None:
        if demo is None:
            raise NoModelError(f"There is no model{_looked(places)}. {_how_to_get_one(places)}")
        return _chosen(demo, f"a toy to try things out, for want of another{_looked(places)}")
    reason = (
        f"{big.name} is loaded only when named, as it needs {size_text(big.size)} "
        f"of {size_text(memory_bytes)} memory"
    )
    if demo is None:
        raise NoModelError(f"No model was chosen: {reason}. Name it: --model {big.name}")
    return _chosen(demo, f"a toy to try things out; {reason}")


def _chosen(one: Candidate, reason: str) -> Choice:
    why = (
        f"{one.model.name} ({size_text(one.model.size)}, pool {one.pool}): {reason}. "
        "Another: --model NAME, see `nightmill models`."
    )
    return Choice(one.pool, one.model, why)


def _unknown(ranked: Sequence[Candidate], name: str, places: Sequence[str]) -> NoModelError:
    names = sorted({one.model.name for one in ranked})
    near = [alike.model.name for alike in _alike(ranked, name)]
    near = near or difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        help_text = f"Did you mean {' or '.join(dict.fromkeys(near))}? See `nightmill models`."
    else:
        help_text = f"See `nightmill models` for what there is. {_how_to_get_one(places)}"
    return NoModelError(f"No pool has the model {name}{_looked(places)}. {help_text}")


def _looked(places: Sequence[str]) -> str:
    return f"; looked in {', '.join(places)}" if places else ""


def _how_to_get_one(places: Sequence[str]) -> str:
    folder = next((place for place in places if place.startswith(("/", "~"))), "~/mlx-models")
    return (
        "Get one, for example: "
        f"hf download mlx-community/Qwen3-4B-4bit --local-dir {folder}/Qwen3-4B-4bit"
    )
