import re

import pytest

from jobs.codes import ErrorCode
from jobs.errors import RowError


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_says_what_is_wrong_and_what_helps(code: ErrorCode) -> None:
    for text in (code.sentence, code.way_out):
        assert re.fullmatch(r"[A-Z`].{4,}\.", text)


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_its_name_for_scripts(code: ErrorCode) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]+", code.value)
    assert code.value == code.name.lower()
    assert ErrorCode(code.value) is code  # type: ignore[call-arg]  # mypy sees __new__


def test_no_two_codes_are_one() -> None:
    assert len({code.value for code in ErrorCode}) == len(ErrorCode.__members__)
    assert len({code.sentence for code in ErrorCode}) == len(ErrorCode)


def test_the_error_of_a_row_has_the_sentence_and_the_detail() -> None:
    error = RowError(ErrorCode.MISSING_COLUMN, "It is `text`.")
    assert str(error) == "The row lacks a column that the template names. It is `text`."
    assert (error.code, error.detail) == (ErrorCode.MISSING_COLUMN, "It is `text`.")


def test_the_error_of_a_row_needs_no_detail() -> None:
    assert str(RowError(ErrorCode.UNKNOWN_METHOD)) == ErrorCode.UNKNOWN_METHOD.sentence
