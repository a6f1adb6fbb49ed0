"""`nightmill models`."""

from typing import TYPE_CHECKING, Any

from nightmill.cli import options, words
from nightmill.cli.output import print_json, tell

if TYPE_CHECKING:
    from nightmill.pools import PoolModels


def models(*, json: options.Json = False, config: options.Config = None) -> None:
    """List the models of each pool, and say which one `auto` takes and why.

    Example: nightmill models
    """
    from jobs.errors import NoModelError
    from nightmill.choosing import choose
    from nightmill.pools import find_models
    from nightmill.setup import read_settings

    settings = read_settings(config)
    found = find_models(settings)
    try:
        choice = choose(settings, found, None)
        auto, why = choice.model.name, choice.why
    except NoModelError as error:
        auto, why = None, str(error)
    if json:
        print_json(auto=auto, why=why, pools=[fields(pool) for pool in found])
    else:
        tell(*(line for pool in found for line in lines(pool)), f"auto: {why}")


def fields(pool: "PoolModels") -> dict[str, Any]:
    """A pool's models for programs."""
    return {
        "pool": pool.pool,
        "backend": pool.backend,
        "place": pool.place,
        "found": pool.is_found,
        "models": pool.models,
        "notes": pool.notes,
    }


def lines(pool: "PoolModels") -> list[str]:
    """A pool's models for people."""
    from backends.choice import size_text

    where = f" {'at' if '://' in pool.place else 'in'} {pool.place}" if pool.place else ""
    where += " (found there)" if pool.is_found else ""
    said = [f"{pool.pool}: {words.count(len(pool.models), 'model')}{where}"]
    for info in pool.models:
        about = [size_text(info.size)] if info.size else []
        about += [info.quantization] if info.quantization else []
        about += [f"{info.context:,} tokens of context"] if info.context else []
        said.append(f"  {', '.join([info.name, *about])}")
    return [*said, *(f"  note: {note}" for note in pool.notes)]
