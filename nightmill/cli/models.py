"""`nightmill models`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from nightmill.cli import options, words
from nightmill.cli.output import print_json, tell

if TYPE_CHECKING:
    from nightmill.offers import Offer, PoolOffer

_FITS = {
    "yes": "",
    "tight": "tight: auto takes it only if preferred",
    "named_only": "nearly fills memory: only when named",
    "no": "does not fit into memory",
    "unknown": "",
}


def models(*, json: options.Json = False, config: options.Config = None) -> None:
    """List the models of each pool, and say which one `auto` takes and why.

    Example: nightmill models
    """
    from nightmill.offers import look_at_models
    from nightmill.setup import read_settings

    found = look_at_models(read_settings(config))
    if json:
        print_json(**msgspec.structs.asdict(found))
    else:
        tell(*(line for pool in found.pools for line in lines(pool)), f"auto: {found.why}")


def lines(pool: "PoolOffer") -> Iterator[str]:
    """A pool's models for people."""
    where = f" {'at' if '://' in pool.place else 'in'} {pool.place}" if pool.place else ""
    where += " (found there)" if pool.found else ""
    served = f", served by {', '.join(pool.hosts)}" if pool.hosts else ""
    yield f"{pool.pool}: {words.count(len(pool.models), 'model')}{where}{served}"
    for line in words.table(map(cells, pool.models)):
        yield f"  {line}"
    for note in pool.notes:
        yield f"  note: {note}"


def cells(model: "Offer") -> tuple[str, ...]:
    """One model as a line of the table."""
    from jobs.sizes import size_text

    remarks = ["loaded"] if model.loaded else []
    remarks += [_FITS[model.fits]] if _FITS[model.fits] else []
    return (
        model.name,
        size_text(model.size),
        model.quantization or "-",
        f"{model.context:,} tokens" if model.context else "-",
        ", ".join(model.endpoints),
        "; ".join(remarks),
    )
