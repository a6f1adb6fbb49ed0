import msgspec
import pytest

from backends.errors import RefusedError, RetryNowError
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, GenerationResult, Message
from worker.check import check

ASKED = GenerationRequest(model="fake", messages=(Message("user", "hi"),))
ANSWER = GenerationResult(
    text="fine", finish_reason="stop", input_tokens=1, output_tokens=1, model="fake"
)


def test_an_answer_without_a_finish_reason_is_never_a_success() -> None:
    broken_off = msgspec.structs.replace(ANSWER, finish_reason=None)

    with pytest.raises(RetryNowError) as failure:
        check(ASKED, broken_off)

    assert failure.value.code is ErrorCode.INCOMPLETE


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_that_came_to_its_end_passes_as_it_is(reason: str) -> None:
    answer = msgspec.structs.replace(ANSWER, finish_reason=reason)

    assert check(ASKED, answer) is answer


def test_every_text_of_an_answer_is_made_storable() -> None:
    answer = msgspec.structs.replace(ANSWER, text="a\0", reasoning="b\ud800", model="c\0")

    checked = check(ASKED, answer)

    assert (checked.text, checked.reasoning, checked.model) == ("a\ufffd", "b\ufffd", "c\ufffd")


@pytest.mark.parametrize("text", ["", " \n"])
@pytest.mark.parametrize(("reason", "tells"), [("stop", False), ("length", True)])
def test_thoughts_without_an_answer_are_refused_with_a_way_out(
    *, text: str, reason: str, tells: bool
) -> None:
    thoughts = msgspec.structs.replace(
        ANSWER, text=text, reasoning="a canary", finish_reason=reason
    )

    with pytest.raises(RefusedError) as failure:
        check(ASKED, thoughts)

    assert failure.value.code is ErrorCode.NO_ANSWER
    assert "--max-tokens" in str(failure.value)
    assert (f"cut at {ASKED.max_tokens} tokens" in str(failure.value)) is tells
    assert "canary" not in str(failure.value)


def test_an_empty_answer_without_thoughts_is_the_model_s_own() -> None:
    empty = msgspec.structs.replace(ANSWER, text="")

    assert check(ASKED, empty) is empty


VECTOR = msgspec.structs.replace(ANSWER, text="[0.5,-1]", form="vector")
WANTS_VECTOR = msgspec.structs.replace(ASKED, endpoint="embeddings")


def test_a_vector_is_a_list_of_numbers() -> None:
    assert check(WANTS_VECTOR, VECTOR) is VECTOR


@pytest.mark.parametrize("text", ["", "[]", "text", "[1,null]", '["1"]', "[[1]]", "[1e999]"])
def test_anything_else_in_the_place_of_a_vector_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="no vector"):
        check(WANTS_VECTOR, msgspec.structs.replace(VECTOR, text=text))


def test_text_in_the_place_of_a_vector_is_refused() -> None:
    with pytest.raises(RefusedError, match="no vector"):
        check(WANTS_VECTOR, msgspec.structs.replace(VECTOR, form="text"))
