import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import wire
from jobs.model import Hint

_FIELDS = (st.text(), st.integers(0, 2**31 - 1))
HINTS = st.one_of(
    st.lists(st.builds(Hint, *_FIELDS), min_size=1, max_size=wire.MAX_PACK),
    st.lists(st.builds(Hint, *_FIELDS, st.just(value=True)), min_size=1, max_size=1),
).map(tuple)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(HINTS)
def test_a_pack_comes_back_as_it_went(hints: tuple[Hint, ...]) -> None:
    over_the_wire = json.loads(json.dumps(wire.encode_pack(hints)))
    assert wire.decode_pack(over_the_wire) == hints


@given(JSON)
def test_whatever_arrives_is_a_pack_or_a_value_error(pack: object) -> None:
    try:
        hints = wire.decode_pack(pack)
    except ValueError:
        return
    assert wire.encode_pack(hints) == pack


@pytest.mark.parametrize(
    "pack",
    [
        None,
        [],
        {},
        "j-1",
        [["j-1"]],
        [["j-1", 1, 2]],
        [["j-1", 1, 1]],
        [["j-1", 1, False]],
        [["j-1", 1, True, True]],
        [["j-1", 1, True], ["j-2", 1]],
        [["j-1", "1"]],
        [["j-1", 1.0]],
        [["j-1", True]],
        [["j-1", -1]],
        [["j-1", 2**31]],
        [[1, 1]],
        [["j-1", 1], None],
        [["j-1", 1]] * (wire.MAX_PACK + 1),
        (("j-1", 1),),
        {"j-1": 1},
    ],
)
def test_what_is_not_a_pack_is_refused(pack: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        wire.decode_pack(pack)


def test_a_refusal_does_not_repeat_what_came() -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        wire.decode_pack([["a secret of somebody", "x"]])
    assert "secret" not in str(caught.value)
