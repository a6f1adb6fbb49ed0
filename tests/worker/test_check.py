import msgspec
import pytest

from backends.errors import RetryNowError
from jobs.codes import ErrorCode
from jobs.model import GenerationResult
from worker.check import check

ANSWER = GenerationResult(
    text="fine", finish_reason="stop", input_tokens=1, output_tokens=1, model="fake"
)


def test_an_answer_without_a_finish_reason_is_never_a_success() -> None:
    broken_off = msgspec.structs.replace(ANSWER, finish_reason=None)

    with pytest.raises(RetryNowError) as failure:
        check(broken_off)

    assert failure.value.code is ErrorCode.INCOMPLETE


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_that_came_to_its_end_passes_as_it_is(reason: str) -> None:
    answer = msgspec.structs.replace(ANSWER, finish_reason=reason)

    assert check(answer) is answer


def test_every_text_of_an_answer_is_made_storable() -> None:
    answer = msgspec.structs.replace(ANSWER, text="a\0", reasoning="b\ud800", model="c\0")

    checked = check(answer)

    assert (checked.text, checked.reasoning, checked.model) == ("a\ufffd", "b\ufffd", "c\ufffd")
