import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InputError, NoModelError, StoppedEarlyError, UsageError
from jobs.model import Batch
from jobs.states import BatchState
from jobs.store import batches, ending
from jobs.store.store import Store
from producer import submit as submit_module
from producer.lines import ModelChoice
from producer.running_again import known_run, run_key
from producer.submit import CHUNK_BYTES, CHUNK_ROWS, PAUSE_S
from tests.producer.by_hand import (
    answer_all,
    plan,
    refuse_all,
    results_of,
    submitted,
    write_input,
)


def rows(*prompts: str) -> list[dict[str, str]]:
    return [{"custom_id": prompt[:1], "prompt": prompt} for prompt in prompts]


def responses(store: Store, batch: Batch) -> dict[str, str]:
    return {row["custom_id"]: row["response"] for row in results_of(store, batch.id)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path / "in.jsonl", *rows("a1", "b1", "c1"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_an_input_becomes_an_open_batch(store: Store, source: Path, output: Path) -> None:
    done = submitted(store, plan(source, output, prompt="{prompt}!", priority=3))

    assert (done.is_known, done.was_read) == (False, True)
    assert (done.new, done.kept, done.changed, done.bad_lines) == (3, 0, 0, 0)
    batch = done.batch
    assert batch.state is BatchState.OPEN
    assert (batch.name, batch.source, batch.output) == ("in.jsonl", str(source), str(output))
    assert (batch.model, batch.pool, batch.priority, batch.into) == ("demo", "mlx", 3, "response")
    assert answer_all(store) == ["a1!", "b1!", "c1!"]


def test_the_same_command_again_reads_nothing_and_runs_nothing(
    store: Store, source: Path, output: Path
) -> None:
    first = submitted(store, plan(source, output))
    answer_all(store)

    again = submitted(store, plan(source, output))

    assert (again.is_known, again.was_read, again.kept) == (True, False, 3)
    assert again.batch.id == first.batch.id
    assert again.batch.revision == first.batch.revision
    assert answer_all(store) == []


def test_only_new_and_changed_rows_run_and_removed_ones_leave(
    store: Store, source: Path, output: Path
) -> None:
    first = submitted(store, plan(source, output))
    answer_all(store)
    write_input(source, *rows("d1", "b2", "a1"))

    again = submitted(store, plan(source, output))

    assert (again.is_known, again.was_read) == (True, True)
    assert (again.new, again.kept, again.changed) == (1, 1, 1)
    assert answer_all(store) == ["d1", "b2"]
    assert responses(store, first.batch) == {"d": "1d", "b": "2b", "a": "1a"}


def test_a_name_belongs_to_one_batch_until_that_is_gone(store: Store, tmp_path: Path) -> None:
    first, second = (write_input(tmp_path / f"{n}.jsonl", *rows("a1")) for n in ("one", "two"))
    night = submitted(store, plan(first, name="night")).batch

    with pytest.raises(UsageError, match=f"{night.id} answers to the name `night` already"):
        submitted(store, plan(second, name="night"))

    assert submitted(store, plan(first, name="night")).batch.id == night.id
    assert submitted(store, plan(first, name="night", is_fresh=True)).batch.id != night.id
    with store.write() as c:
        batches.delete(c, batches.get(c, "night").id)
    assert submitted(store, plan(second, name="night")).batch.name == "night"


def test_the_same_run_takes_another_name_that_is_free(store: Store, tmp_path: Path) -> None:
    first, second = (write_input(tmp_path / f"{n}.jsonl", *rows("a1")) for n in ("one", "two"))
    submitted(store, plan(first, name="night"))
    day = submitted(store, plan(second, name="day")).batch

    with pytest.raises(UsageError, match="answers to the name `night` already"):
        submitted(store, plan(second, name="night"))

    assert submitted(store, plan(second, name="noon")).batch.name == "noon"
    write_input(second, *rows("a1", "b1"))
    again = submitted(store, plan(second, name="evening")).batch
    assert (again.id, again.name) == (day.id, "evening")


def test_names_that_nobody_chose_may_repeat(store: Store, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        source = write_input(tmp_path / folder / "in.jsonl", *rows("a1"))
        assert submitted(store, plan(source)).batch.name == "in.jsonl"
    for output in ("a.jsonl", "b.jsonl"):
        again = plan(source, tmp_path / output, title="rows of a program")
        assert submitted(store, again).batch.name == "rows of a program"


def test_a_name_is_not_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not be empty"):
        plan(tmp_path / "in.jsonl", name="")


def test_a_file_that_moved_goes_on_with_its_run_by_the_output(
    store: Store, source: Path, output: Path
) -> None:
    first = submitted(store, plan(source, output))

    again = submitted(store, plan(source.rename(source.with_name("moved.jsonl")), output))

    assert again.batch.id == first.batch.id
    assert not again.was_read


def test_without_an_output_the_input_names_the_run(store: Store, source: Path) -> None:
    first = submitted(store, plan(source))

    assert submitted(store, plan(source)).batch.id == first.batch.id
    assert submitted(store, plan(source, source.with_name("o"))).batch.id != first.batch.id


def test_the_same_output_by_another_path_is_the_same_run(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    wanted = [plan(tmp_path / "in", tmp_path / name / "out") for name in ("folder", "link")]

    assert run_key(wanted[0]) == run_key(wanted[1])


def test_cancelled_rows_run_when_the_command_is_given_again(
    store: Store, source: Path, output: Path
) -> None:
    first = submitted(store, plan(source, output))
    with store.write() as c:
        ending.cancel(c, first.batch.id)

    again = submitted(store, plan(source, output))

    assert not again.was_read
    assert again.batch.state is BatchState.OPEN
    assert answer_all(store) == ["a1", "b1", "c1"]


def test_failed_rows_wait_for_retry(store: Store, source: Path, output: Path) -> None:
    submitted(store, plan(source, output))
    refuse_all(store)

    submitted(store, plan(source, output))

    assert answer_all(store) == []


def test_lines_without_a_model_are_tried_again_when_somebody_has_it(
    store: Store, tmp_path: Path
) -> None:
    source = write_input(tmp_path / "in", {"prompt": "a"}, {"prompt": "b", "model": "new"})
    assert submitted(store, plan(source)).bad_lines == 1
    answer_all(store)

    again = submitted(store, plan(source, resolve_model=lambda name, _: ModelChoice(name, "mlx")))

    assert (again.was_read, again.bad_lines, again.kept) == (True, 0, 1)
    assert answer_all(store) == ["b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "{prompt}?"}, "--prompt"),
        ({"system": "Be brief."}, "--system"),
        ({"model": "demo"}, "--model (auto then, demo now)"),
        ({"max_tokens": 5}, "--max-tokens (none then, 5 now)"),
        ({"temperature": 0.5}, "--temperature (none then, 0.5 now)"),
        ({"stop": ("x",)}, "--stop"),
        ({"into": "label"}, "--into (response then, label now)"),
        ({"kind": "openai"}, "--format (none then, openai now)"),
    ],
)
def test_other_options_over_the_same_output_are_refused_by_name(
    sqlite_store: Store, source: Path, output: Path, change: dict[str, Any], words: str
) -> None:
    first = submitted(sqlite_store, plan(source, output, name="night")).batch

    with pytest.raises(UsageError) as caught:
        submitted(sqlite_store, plan(source, output, **change))

    assert words in str(caught.value)
    assert f"answers of the batch {first.id} (night)" in str(caught.value)
    assert "{prompt}?" not in str(caught.value)
    assert "--fresh" in str(caught.value)


def test_fresh_runs_everything_again_with_whatever_options(
    store: Store, source: Path, output: Path
) -> None:
    first = submitted(store, plan(source, output))
    answer_all(store)

    again = submitted(store, plan(source, output, prompt="{prompt}?", is_fresh=True))

    assert (again.is_known, again.new) == (False, 3)
    assert again.batch.id != first.batch.id
    assert answer_all(store) == ["a1?", "b1?", "c1?"]
    with store.read() as c:
        assert [batch.id for batch in batches.newest(c, 9)] == [again.batch.id]


def test_fresh_keeps_the_old_answers_when_the_new_input_is_of_no_use(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    first = submitted(sqlite_store, plan(source, output))
    answer_all(sqlite_store)
    source.write_text("{")

    with pytest.raises(InputError):
        submitted(sqlite_store, plan(source, output, is_fresh=True))

    assert len(results_of(sqlite_store, first.batch.id)) == 3


def test_auto_stays_at_the_model_that_it_was_first(
    store: Store, source: Path, output: Path
) -> None:
    submitted(store, plan(source, output))
    answer_all(store)
    write_input(source, *rows("a1", "d1"))

    again = submitted(store, plan(source, output, choice=ModelChoice("large", "mlx")))

    assert again.batch.model == "demo"
    assert (again.kept, again.new) == (1, 1)


def test_auto_stays_but_says_so_when_its_model_is_gone(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    submitted(sqlite_store, plan(source, output))
    gone: dict[str, Any] = {"choice": ModelChoice("large", "mlx"), "resolve_model": lambda *_: None}

    with pytest.raises(NoModelError, match=r"begun with the model demo.*--fresh"):
        submitted(sqlite_store, plan(source, output, **gone))


def test_a_run_that_is_all_done_needs_no_model(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    submitted(sqlite_store, plan(source, output))
    answer_all(sqlite_store)

    assert not submitted(sqlite_store, plan(source, output, resolve_model=lambda *_: None)).was_read


class StopReadingError(Exception):
    """Stands for whatever ends a process in the middle of its input."""


def stop_after(chunks: int) -> Any:
    left = iter(range(chunks - 1))

    def progress(_line: int, _bytes: int) -> None:
        if next(left, None) is None:
            raise StopReadingError

    return progress


def test_an_interrupted_submit_goes_on_and_keeps_what_it_had(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit_module, "CHUNK_ROWS", 2)
    source = write_input(tmp_path / "in.jsonl", *rows("a", "b", "c", "d", "e"))
    with pytest.raises(StopReadingError):
        submitted(store, plan(source), on_progress=stop_after(2))
    assert answer_all(store) == []

    again = submitted(store, plan(source))

    assert (again.is_known, again.kept, again.new) == (True, 4, 1)
    assert answer_all(store) == ["a", "b", "c", "d", "e"]


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_complete(
    store: Store, source: Path
) -> None:
    def grow(_line: int, _bytes: int) -> None:
        with source.open("a") as file:
            file.write('{"custom_id": "d", "prompt": "d1"}\n')

    with pytest.raises(StoppedEarlyError, match="was written to while it was read"):
        submitted(store, plan(source), on_progress=grow)
    known = known_run(store, plan(source))
    assert known is not None
    assert known.state is BatchState.INGESTING

    again = submitted(store, plan(source))

    assert (again.kept, again.new) == (3, 1)


def test_rows_are_stored_in_chunks_with_pauses_between_them(
    sqlite_store: Store, tmp_path: Path
) -> None:
    count = 2 * CHUNK_ROWS + 1
    source = write_input(tmp_path / "in.jsonl", *[{"prompt": "p"}] * count)
    progress: list[tuple[int, int]] = []
    pauses: list[float] = []

    submitted(
        sqlite_store,
        plan(source),
        on_progress=lambda line, size: progress.append((line, size)),
        sleep=pauses.append,
    )

    assert [line for line, _ in progress] == [CHUNK_ROWS, 2 * CHUNK_ROWS, count]
    assert progress[-1][1] == source.stat().st_size
    assert pauses == [PAUSE_S] * 3


def test_memory_stays_small_whatever_the_size_of_the_input(
    sqlite_store: Store, tmp_path: Path
) -> None:
    prompt = json.dumps({"prompt": "x" * 20_000})
    source = tmp_path / "in.jsonl"
    source.write_text((prompt + "\n") * 1600)
    assert source.stat().st_size > 3.9 * CHUNK_BYTES

    tracemalloc.start()
    done = submitted(sqlite_store, plan(source))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert done.new == 1600
    assert peak < 3 * CHUNK_BYTES


def test_two_submits_of_the_same_run_at_once_make_one_batch(store: Store, source: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda wanted: submitted(store, wanted), [plan(source)] * 2))

    assert both[0].batch.id == both[1].batch.id
    assert sorted(done.was_read for done in both) == [False, True]
    assert answer_all(store) == ["a1", "b1", "c1"]


@pytest.mark.parametrize("into", ["", "error", "line", "tokens", "a\0", "\udcff"])
def test_the_answer_cannot_take_the_name_of_another_field(tmp_path: Path, into: str) -> None:
    with pytest.raises(UsageError, match="--into must be a name that can be printed"):
        plan(tmp_path / "in", into=into)
