"""What `nightmill models` says of a machine."""

import pytest

from backends.base import ModelInfo
from backends.fit import Fit, fit
from nightmill.looking import SHORT_ID, short_id
from nightmill.offers import Busy, offered
from nightmill.pools import PoolModels

GB = 10**9


@pytest.mark.parametrize(
    ("size", "fits"),
    [(0, "unknown"), (60, "yes"), (61, "tight"), (70, "tight"), (71, "named_only"), (101, "no")],
)
def test_how_a_model_fits_into_a_hundred_gigabytes(size: int, fits: str) -> None:
    assert fit(size * GB, 100 * GB) is Fit(fits)


def test_a_model_is_loaded_where_its_server_says_so_or_a_row_is_run_by_it() -> None:
    models = tuple(ModelInfo(name=name, size=0, context=0) for name in ("a", "b", "c"))
    found = [PoolModels(pool=pool, backend="fake", models=models, loaded=("a",)) for pool in "xy"]
    busy = Busy(hosts=(("x@studio", "x"),), running=(("x", "b"), ("y", "c")))

    x, y = offered(found, 100 * GB, busy)

    assert [model.name for model in x.models if model.loaded] == ["a", "b"]
    assert [model.name for model in y.models if model.loaded] == ["a", "c"]
    assert (x.hosts, y.hosts) == (("x@studio",), ())


def test_a_short_id_is_as_long_as_it_must_be() -> None:
    one, two, three = "b-01930f3e-8c00-7aa", "b-01930f3e-8c00-7ab", "b-01940000-0000-7aa"
    ids = [one, two, three]

    assert short_id(three, ids) == three[:SHORT_ID]
    assert [short_id(each, ids) for each in (one, two)] == [one, two]
