import math

from hypothesis import given
from hypothesis import strategies as st

from backends.errors import (
    BackendError,
    CrashedError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from jobs.codes import ErrorCode
from jobs.settings import WorkerSettings
from jobs.states import JobState
from tests.worker.world import claimed
from worker.verdict import Verdict, backoff_s, judge

LIMITS = WorkerSettings(max_attempts=3, max_crashes=2)


def verdict(
    error: Exception,
    *,
    errors: int = 0,
    crashes: int = 0,
    attempt: int = 1,
    chance: float = 0.5,
    was_alone: bool = False,
) -> Verdict:
    job = claimed(errors=errors, crashes=crashes, attempt=attempt)
    return judge(error, job, LIMITS, chance, was_alone=was_alone)


def test_a_blip_is_tried_again_and_counts() -> None:
    result = verdict(RetryNowError("cut off", ErrorCode.TIMED_OUT))

    assert (result.state, result.counted_errors) == (JobState.PENDING, 1)
    assert result.code is ErrorCode.TIMED_OUT
    assert 0 < result.retry_in_s < 2


def test_the_last_attempt_fails_the_job_with_the_code_of_its_error() -> None:
    result = verdict(RetryNowError("cut off", ErrorCode.TIMED_OUT), errors=2)

    assert (result.state, result.code) == (JobState.FAILED, ErrorCode.TIMED_OUT)
    assert result.message == "cut off"


def test_a_busy_backend_costs_nobody_an_attempt() -> None:
    result = verdict(RetryLaterError("loading", after_s=7.0), errors=2)

    assert (result.state, result.counted_errors) == (JobState.PENDING, 0)
    assert result.retry_in_s == result.park_s == 7.0
    assert verdict(RetryLaterError("loading", after_s=3600.0)).park_s == 60.0


def test_a_backend_out_of_order_is_parked_and_the_job_handed_back() -> None:
    result = verdict(ParkBackendError("not running", for_s=9.0), errors=2)

    assert (result.state, result.counted_errors) == (JobState.PENDING, 0)
    assert result.park_s == 9.0


def test_a_refusal_is_final() -> None:
    result = verdict(RefusedError("too long", ErrorCode.PROMPT_TOO_LONG))

    assert (result.state, result.code) == (JobState.FAILED, ErrorCode.PROMPT_TOO_LONG)
    assert result.park_s == 0


def test_a_breach_of_privacy_fails_the_job_and_parks_the_host_for_good() -> None:
    result = verdict(PrivacyBreachError("went to the cloud"))

    assert (result.state, result.code) == (JobState.FAILED, ErrorCode.PRIVACY)
    assert math.isinf(result.park_s)


def test_a_crash_in_company_is_charged_to_nobody_and_each_is_to_run_alone() -> None:
    result = verdict(CrashedError("died", alone=False), errors=2, crashes=2, attempt=50)

    assert (result.state, result.counted_errors) == (JobState.PENDING, 0)
    assert (result.counted_crashes, result.is_suspect) == (0, True)


def test_a_job_that_only_happened_to_be_alone_is_charged_nothing_and_is_to_run_alone() -> None:
    result = verdict(CrashedError("died", alone=True), crashes=2)

    assert (result.state, result.counted_crashes, result.is_suspect) == (JobState.PENDING, 0, True)


def test_a_suspect_is_charged_nothing_while_the_engine_has_not_let_go_of_another() -> None:
    result = verdict(CrashedError("died", alone=False), crashes=2, was_alone=True)

    assert (result.state, result.counted_crashes, result.is_suspect) == (JobState.PENDING, 0, True)


def test_a_suspect_that_crashes_the_engine_alone_ends_as_poison() -> None:
    crash = CrashedError("died", alone=True)

    first = verdict(crash, was_alone=True)
    assert (first.state, first.counted_errors, first.counted_crashes) == (JobState.PENDING, 0, 1)
    last = verdict(crash, crashes=1, was_alone=True)
    assert (last.state, last.code, last.counted_crashes) == (JobState.FAILED, ErrorCode.POISON, 1)


def test_errors_of_another_kind_do_not_make_a_crash_poison() -> None:
    crash = CrashedError("died", alone=True)

    assert verdict(crash, errors=9, was_alone=True).state is JobState.PENDING


def test_something_unexpected_fails_the_job_and_tells_its_type_only() -> None:
    result = verdict(ValueError("the secret prompt"))

    assert (result.state, result.code) == (JobState.FAILED, ErrorCode.BACKEND_FAILED)
    assert "ValueError" in result.message
    assert "secret" not in result.message


def test_an_error_without_a_rule_of_its_own_is_tried_again_and_counts() -> None:
    error = BackendError("?")

    assert verdict(error).counted_errors == 1
    assert verdict(error, errors=2).state is JobState.FAILED


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_wait_is_always_positive_and_never_long(times: int, chance: float) -> None:
    assert 0 < backoff_s(times, chance) <= 90
