"""The life of a job on a host: real stores, a scripted backend, no Celery."""

import logging
import math
from collections.abc import Sequence

import msgspec
import pytest

from backends.base import OnProgress
from backends.errors import (
    BackendError,
    ParkBackendError,
    PrivacyBreachError,
    RefusedError,
    RetryLaterError,
    RetryNowError,
)
from backends.fake import FakeBackend, Script
from jobs.model import GenerationRequest, GenerationResult, Hint
from jobs.store import ending
from jobs.store.store import Store
from tests.waiting import eventually
from tests.worker.conftest import StartHost
from tests.worker.world import POOL, ask, hand_out, submit
from worker.host import Host
from worker.tally import Tally

FOREVER = math.inf


class Quoting(FakeBackend):
    """Fails with an exception of Python's that quotes the prompt."""

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        raise KeyError(request.messages[0].content)


class BreakingOff(FakeBackend):
    """Gives half an answer for a whole one."""

    async def generate(
        self, request: GenerationRequest, on_progress: OnProgress
    ) -> GenerationResult:
        result = await super().generate(request, on_progress)
        return msgspec.structs.replace(result, finish_reason=None)


def run(host: Host, hints: Sequence[Hint]) -> Tally:
    tally = Tally(POOL, len(hints))
    host.run_pack(hints, tally).result(20)
    return tally


def states(store: Store) -> list[str]:
    return [state for (state,) in ask(store, "SELECT state FROM jobs ORDER BY line")]


def failing(**faults: BackendError) -> FakeBackend:
    """A backend on which each named prompt fails once."""
    return FakeBackend(Script(faults={prompt: (error,) for prompt, error in faults.items()}))


def test_each_job_of_a_pack_is_generated_and_recorded(store: Store, start_host: StartHost) -> None:
    submit(store, ["one", "two words"])
    host = start_host(store, FakeBackend(Script(answers={"one": "first answer"})))

    tally = run(host, hand_out(store))

    assert ask(
        store,
        "SELECT j.line, r.state, r.text, r.finish_reason, r.model, r.input_tokens, r.output_tokens"
        " FROM results r JOIN jobs j ON j.id = r.job_id ORDER BY j.line",
    ) == [
        (1, "succeeded", "first answer", "stop", "fake", 1, 2),
        (2, "succeeded", "two words", "stop", "fake", 2, 2),
    ]
    assert tally.report() == {
        "pool": POOL,
        "model": "fake",
        "jobs": 2,
        "succeeded": 2,
        "input_tokens": 3,
        "output_tokens": 4,
    }


def test_a_host_never_claims_more_than_it_can_begin(store: Store, start_host: StartHost) -> None:
    submit(store, [f"prompt {i}" for i in range(12)])
    backend = FakeBackend(Script(delay_s=0.02), slots=3)
    host = start_host(store, backend)
    hints = hand_out(store)
    packs = [host.run_pack(hints[i : i + 6], Tally(POOL, 6)) for i in (0, 6)]

    most_running = 0
    while not all(pack.done() for pack in packs):
        most_running = max(most_running, states(store).count("running"))

    assert states(store) == ["succeeded"] * 12
    assert backend.most_in_flight == 3
    # The slot is free when the answer is there, so up to as many again are being recorded.
    assert most_running <= 6


def test_stale_hints_are_dropped_and_take_no_slot(store: Store, start_host: StartHost) -> None:
    submit(store, ["one", "two", "three"])
    hints = hand_out(store)
    stale = [Hint(hint.job_id, hint.epoch + 1) for hint in hints] + [Hint("j-nobody", 1)]
    host = start_host(store, FakeBackend(slots=1))

    assert run(host, stale).report()["jobs"] == 4
    assert states(store) == ["dispatched"] * 3

    run(host, hints)
    assert states(store) == ["succeeded"] * 3


def test_two_packs_of_the_same_jobs_generate_each_once(store: Store, start_host: StartHost) -> None:
    submit(store, [f"prompt {i}" for i in range(8)])
    backend = FakeBackend(Script(delay_s=0.05), slots=32)
    host = start_host(store, backend)
    hints = hand_out(store)

    packs = [host.run_pack(hints, Tally(POOL, len(hints))) for _ in range(3)]
    for pack in packs:
        pack.result(20)
    run(host, hints)

    assert len(backend.seen) == 8
    assert states(store) == ["succeeded"] * 8


def test_a_refused_job_fails_with_its_code_and_the_others_go_on(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["good", "bad"])
    host = start_host(store, failing(bad=RefusedError("Too long for this model.")))

    run(host, hand_out(store))

    assert states(store) == ["succeeded", "failed"]
    assert ask(store, "SELECT error_code, error_message FROM results WHERE state = 'failed'") == [
        ("refused", "Too long for this model.")
    ]


def test_a_blip_puts_the_job_back_for_later_and_counts_one_error(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["blip"])
    host = start_host(store, failing(blip=RetryNowError("The connection was cut.")))

    run(host, hand_out(store))

    assert ask(store, "SELECT state, errors, not_before > 0 FROM jobs") == [("pending", 1, True)]
    assert ask(store, "SELECT outcome FROM attempts") == [("error",)]


def test_a_busy_backend_counts_no_error(store: Store, start_host: StartHost) -> None:
    submit(store, ["busy"])
    host = start_host(store, failing(busy=RetryLaterError("Loading.", after_s=60)))

    run(host, hand_out(store))

    assert ask(store, "SELECT state, errors FROM jobs") == [("pending", 0)]
    assert hand_out(store) == []


def test_a_busy_backend_is_not_asked_by_one_job_after_the_other(
    store: Store, start_host: StartHost
) -> None:
    submit(store, [f"row {i}" for i in range(50)])
    backend = FakeBackend(
        Script(faults={f"row {i}": (RetryLaterError("Busy.", after_s=60),) for i in range(50)}),
        slots=4,
    )
    host = start_host(store, backend)

    waiting = host.run_pack(hand_out(store), Tally(POOL, 50))

    eventually(lambda: ask(store, "SELECT trouble FROM hosts") == [("Busy.",)], "the news")
    with pytest.raises(TimeoutError):
        waiting.result(0.1)
    assert len(backend.seen) == 4


def test_a_parked_host_claims_nothing_until_its_time_is_over(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["first"])
    host = start_host(store, failing(first=ParkBackendError("Not running.", for_s=0.3)))
    run(host, hand_out(store))
    assert states(store) == ["pending"]

    again = host.run_pack(hand_out(store), Tally(POOL, 1))

    with pytest.raises(TimeoutError):
        again.result(0.1)
    assert states(store) == ["dispatched"]
    again.result(20)
    assert states(store) == ["succeeded"]


def test_the_store_knows_why_a_host_is_parked_until_it_answers_again(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["first", "second"])
    first, second = hand_out(store)
    host = start_host(store, failing(first=ParkBackendError("Not running.", for_s=0.3)))

    run(host, [first])
    eventually(lambda: ask(store, "SELECT trouble FROM hosts") == [("Not running.",)], "the news")

    run(host, [second])
    eventually(lambda: ask(store, "SELECT trouble FROM hosts") == [(None,)], "its end", 20)


def test_after_a_breach_of_privacy_nothing_more_is_claimed(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["leak", "next"])
    host = start_host(store, failing(leak=PrivacyBreachError("It went to the cloud.")))
    first, second = hand_out(store)
    run(host, [first])

    waiting = host.run_pack([second], Tally(POOL, 1))

    with pytest.raises(TimeoutError):
        waiting.result(0.1)
    assert states(store) == ["failed", "dispatched"]


def test_an_unexpected_error_fails_the_job_and_quotes_nothing(
    store: Store, start_host: StartHost, caplog: pytest.LogCaptureFixture
) -> None:
    submit(store, ["canary-prompt"])
    host = start_host(store, Quoting())

    with caplog.at_level(logging.DEBUG):
        run(host, hand_out(store))

    [(code, message)] = ask(store, "SELECT error_code, error_message FROM results")
    assert (code, message) == ("backend_failed", "Unexpected KeyError.")
    assert "in generate" in caplog.text
    assert "canary" not in caplog.text


def test_an_answer_without_a_finish_reason_is_tried_again(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["half"])
    host = start_host(store, BreakingOff(), max_attempts=1)

    run(host, hand_out(store))

    assert ask(store, "SELECT state, error_code, text FROM results") == [
        ("failed", "incomplete", None)
    ]


def test_text_that_no_database_takes_is_made_storable(store: Store, start_host: StartHost) -> None:
    submit(store, ["odd"])
    host = start_host(store, FakeBackend(Script(answers={"odd": "nul\0 half\ud83d"})))

    run(host, hand_out(store))

    assert ask(store, "SELECT state, text FROM results") == [("succeeded", "nul\ufffd half\ufffd")]


def test_a_job_cancelled_while_it_generates_is_broken_off(
    store: Store, start_host: StartHost
) -> None:
    batch_id = submit(store, ["endless", "short"])
    backend = FakeBackend(Script(delays={"endless": FOREVER}))
    host = start_host(store, backend)
    pack = host.run_pack(hand_out(store), Tally(POOL, 2))
    eventually(lambda: states(store) == ["running", "succeeded"], "the short one", 10)

    with store.write() as c:
        ending.cancel(c, batch_id)

    pack.result(10)
    assert backend.in_flight == 0
    assert states(store) == ["cancelled", "succeeded"]


def test_a_job_whose_lease_ran_out_is_taken_back_and_recorded_once(
    store: Store, start_host: StartHost
) -> None:
    submit(store, ["slow"])
    backend = FakeBackend(Script(delay_s=1.6))
    host = start_host(store, backend)
    pack = host.run_pack(hand_out(store), Tally(POOL, 1))
    eventually(lambda: states(store) == ["running"], "the claim", 10)
    with store.write() as c:
        c.exec_driver_sql("UPDATE jobs SET state = 'pending', session = NULL, lease_until = NULL")

    pack.result(10)

    assert states(store) == ["succeeded"]
    assert len(backend.seen) == 1
