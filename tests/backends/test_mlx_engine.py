"""The engine itself, in this process, with a real model."""

import queue
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from backends.mlx.frames import Cancel, Crashed, Generate, Refused, Report, ToFront
from jobs.model import GenerationRequest
from tests.backends.asking import ask

if TYPE_CHECKING:
    from backends.mlx.engine import Ended, Engine, Row
    from backends.mlx.intake import Intake
    from backends.mlx.loading import LoadedModel


@pytest.fixture(scope="module")
def loaded(models_dir: Path) -> "LoadedModel":
    from backends.mlx.loading import load_model

    return load_model(models_dir / "org" / "other")


@pytest.fixture
def engine(loaded: "LoadedModel") -> "Engine":
    from backends.mlx.engine import Engine

    return Engine(loaded.model, loaded.end_tokens, 4)


@pytest.fixture
def sent() -> list[ToFront]:
    """What the child would have said to its front."""
    return []


@pytest.fixture
def intake(loaded: "LoadedModel", sent: list[ToFront]) -> "Intake":
    from backends.mlx.intake import Intake

    return Intake(
        loaded=loaded,
        context=4096,
        inbox=queue.SimpleQueue(),
        work=queue.SimpleQueue(),
        send=sent.append,
    )


def row_of(intake: "Intake", request: GenerationRequest, row_id: int = 1) -> "Row":
    intake.take(Generate(row_id, request))
    row = intake.work.get_nowait()
    assert not isinstance(row, Cancel)
    return row


def run_to_end(engine: "Engine") -> "list[Ended]":
    ended = []
    while not engine.is_idle:
        ended += engine.step()
    return ended


def test_an_end_token_ends_the_answer_and_is_counted(engine: "Engine", intake: "Intake") -> None:
    engine.add(row_of(intake, ask("hello", "other", max_tokens=500)))
    [end] = run_to_end(engine)
    assert end.finish_reason == "stop"
    assert end.output_tokens == len(end.row.tokens) + 1
    # With room for the text only, the text is the same and its end is another.
    engine.add(row_of(intake, ask("hello", "other", max_tokens=len(end.row.tokens))))
    [limited] = run_to_end(engine)
    assert (limited.answer.text, limited.finish_reason) == (end.answer.text, "length")


def test_rows_beyond_the_slots_wait(engine: "Engine", intake: "Intake") -> None:
    for row_id in range(10):
        engine.add(row_of(intake, ask(f"hello {row_id}", "other", max_tokens=50), row_id))
    engine.step()
    assert [row_id for row_id, _ in engine.progress] == [0, 1, 2, 3]
    assert {end.row.id for end in run_to_end(engine)} == set(range(10))


def test_cancelled_rows_leave_wherever_they_are(engine: "Engine", intake: "Intake") -> None:
    for row_id in range(6):
        engine.add(row_of(intake, ask(f"hello {row_id}", "other", max_tokens=50), row_id))
    engine.step()
    engine.cancel({1, 5, 99})
    assert {end.row.id for end in run_to_end(engine)} == {0, 2, 3, 4}


def test_a_batch_that_is_dropped_says_what_was_lost(engine: "Engine", intake: "Intake") -> None:
    for row_id in range(5):
        engine.add(row_of(intake, ask("hello", "other", max_tokens=50), row_id))
    engine.step()
    assert engine.drop_batch() == (0, 1, 2, 3)
    assert [end.row.id for end in run_to_end(engine)] == [4]


def test_equal_wishes_share_a_sampler_and_seeds_do_not() -> None:
    pytest.importorskip("mlx_lm")
    from backends.mlx.sampling import Samplers, Sampling

    samplers = Samplers()
    assert samplers.of(Sampling(0.7, 0.9)) is samplers.of(Sampling(0.7, 0.9))
    assert samplers.of(Sampling(0.7, 0.9)) is not samplers.of(Sampling(0.7, 0.8))
    assert samplers.of(Sampling(0.0, 0.9, 1)) is samplers.of(Sampling())
    assert samplers.of(Sampling(0.7, 0.9, 1)) is not samplers.of(Sampling(0.7, 0.9, 1))


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_is_reported_now_and_then_and_ends_at_once(
    engine: "Engine", intake: "Intake", sent: list[ToFront]
) -> None:
    from backends.mlx.loop import EngineLoop

    clock = Clock()
    loop = EngineLoop(engine, intake.work, sent.append, clock)
    intake.take(Generate(1, ask("hello", "other", max_tokens=4)))
    loop.turn()
    loop.turn()
    assert sent == []
    clock.now = 0.3
    loop.turn()
    [report] = sent
    assert isinstance(report, Report)
    assert [row_id for row_id, _ in report.progress] == [1]
    while not engine.is_idle:
        loop.turn()
    last = sent[-1]
    assert isinstance(last, Report)
    assert [end.id for end in last.finished] == [1]
    assert len(sent) == 2


def test_a_cancelled_row_is_let_go_of(
    engine: "Engine", intake: "Intake", sent: list[ToFront]
) -> None:
    from backends.mlx.loop import EngineLoop

    loop = EngineLoop(engine, intake.work, sent.append, Clock())
    intake.take(Generate(1, ask("hello", "other", max_tokens=4)))
    intake.take(Cancel(1))
    loop.turn()
    assert sent == [Report(cancelled=(1,))]
    assert engine.is_idle


def test_a_failing_step_is_told_and_two_in_a_row_end_the_loop(
    engine: "Engine", intake: "Intake", sent: list[ToFront], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backends.mlx.loop import EngineLoop

    def fail() -> Any:
        raise RuntimeError("no memory")

    loop = EngineLoop(engine, intake.work, sent.append, Clock())
    for row_id in (1, 2):
        intake.take(Generate(row_id, ask("hello", "other", max_tokens=400)))
    loop.turn()
    monkeypatch.setattr(engine, "step", fail)
    intake.take(Generate(3, ask("hello", "other", max_tokens=4)))
    loop.run()
    lost = [message for message in sent if isinstance(message, Crashed)]
    assert [crash.ids for crash in lost] == [(1, 2), ()]
    assert "no memory" in lost[0].message


def test_what_cannot_be_a_row_is_refused(intake: "Intake", sent: list[ToFront]) -> None:
    intake.take(Generate(5, ask("hello", "other", max_tokens=9000)))
    [refused] = sent
    assert isinstance(refused, Refused)
    assert (refused.id, refused.code) == (5, "prompt_too_long")


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (ValueError("Model type x not supported."), True),
        (FileNotFoundError("no weights"), True),
        (RuntimeError("[load_safetensors] Invalid json header"), True),
        (RuntimeError("[malloc] Unable to allocate 9 bytes."), False),
        (MemoryError(), False),
        (OSError("input/output error"), False),
    ],
)
def test_only_what_may_pass_is_worth_another_try(error: Exception, lasting: bool) -> None:
    pytest.importorskip("mlx_lm")
    from backends.mlx.loading import is_lasting

    assert is_lasting(error) == lasting


def test_broken_weights_are_worth_no_other_try(models_dir: Path, tmp_path: Path) -> None:
    from backends.mlx.loading import is_lasting, load_model

    for file in (models_dir / "babbler").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(Exception, match="safetensors") as caught:
        load_model(tmp_path)
    assert is_lasting(caught.value)


def test_a_model_that_cannot_be_batched_is_said_to_be_so() -> None:
    pytest.importorskip("mlx_lm")
    from backends.mlx.engine import Engine

    with pytest.raises(ValueError, match="cannot answer in batches"):
        Engine(SimpleNamespace(make_cache=lambda: [object()]), [2], 4)


def test_a_row_that_cannot_be_read_costs_no_row_its_end(engine: "Engine", intake: "Intake") -> None:
    rows = [row_of(intake, ask("hello", "other", max_tokens=2), row_id) for row_id in (1, 2)]
    unreadable = msgspec.structs.replace(rows[1].reader, decode=lambda _tokens: 1 / 0)
    for row in (rows[0], msgspec.structs.replace(rows[1], reader=unreadable)):
        engine.add(row)
    with pytest.raises(ZeroDivisionError):
        run_to_end(engine)
    assert engine.drop_batch() == (1, 2)
