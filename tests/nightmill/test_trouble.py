"""A pool that serves nobody is told of, waited for, and at last given up."""

import msgspec
import pytest

from jobs.errors import StoppedEarlyError
from jobs.store.hosts import HostRow
from nightmill.trouble import PATIENCE_S, Trouble, give_up, trouble_of

WELL = HostRow(
    name="mlx@studio", session="s", pool="mlx", slots=4, models=(), machine="M2", version="1"
)
ILL = msgspec.structs.replace(WELL, name="mlx@mini", trouble="Not running.", troubled_s=20.0)
OUT = msgspec.structs.replace(WELL, name="mlx@old", trouble="A leak.", troubled_s=5.0, is_out=True)


def test_a_pool_is_well_while_one_of_its_hosts_is() -> None:
    assert trouble_of([WELL, ILL, OUT], "mlx") is None
    assert trouble_of([], "mlx") is None
    assert trouble_of([ILL], "ollama") is None


def test_of_several_the_host_is_told_of_that_may_come_back() -> None:
    assert trouble_of([OUT, ILL], "mlx") == Trouble(
        pool="mlx", text="Not running.", for_s=5.0, is_out=False
    )


def test_a_pool_is_waited_for_and_then_given_up() -> None:
    trouble = Trouble(pool="mlx", text="Not running.", for_s=PATIENCE_S - 1, is_out=False)
    give_up(None, 1e6)
    give_up(trouble, 1e6)
    with pytest.raises(StoppedEarlyError, match=r"Pool mlx does not serve anybody: Not running\."):
        give_up(msgspec.structs.replace(trouble, for_s=PATIENCE_S), 1e6)


def test_a_pool_that_somebody_has_to_look_at_is_given_up_at_once() -> None:
    with pytest.raises(StoppedEarlyError, match=r"will not serve anybody: A leak\."):
        give_up(Trouble(pool="mlx", text="A leak.", for_s=0.0, is_out=True), 0.0)


def test_what_was_wrong_before_anybody_waited_may_be_mended() -> None:
    give_up(Trouble(pool="mlx", text="Not running.", for_s=1e6, is_out=False), PATIENCE_S - 1)
