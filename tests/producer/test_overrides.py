import math
from typing import Any

import pytest

from jobs.errors import UsageError
from producer.overrides import Overrides


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"max_tokens": 0}, "--max-tokens must be a whole number from 1, not 0"),
        ({"temperature": 3.0}, "--temperature must be a number from 0 to 2, not 3.0"),
        ({"temperature": math.nan}, "--temperature must be a number from 0 to 2, not NaN"),
        ({"top_p": 0.0}, "--top-p must be"),
        ({"seed": 2**70}, "--seed must be"),
        ({"stop": ("",)}, "--stop must be"),
        ({"prompt": "nul \0"}, "NUL"),
        ({"system": "half \udcff"}, "not UTF-8"),
        ({"stop": ("\udcff",)}, "not UTF-8"),
    ],
)
def test_a_flag_that_cannot_be_used_is_named_before_anything_starts(
    flags: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Overrides(**flags)

    assert words in str(caught.value)


def test_only_flags_that_were_given_override() -> None:
    assert Overrides().fields() == {}
    assert Overrides(temperature=0, seed=0).fields() == {"temperature": 0.0, "seed": 0}


def test_a_repr_names_the_flags_and_never_shows_a_prompt() -> None:
    shown = repr(Overrides(prompt="my secret", system="another", seed=5))

    assert shown == "Overrides(prompt, system, seed)"
