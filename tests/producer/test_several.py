"""Several files in one batch: found, read in their order, and their rows known again."""

from pathlib import Path

import pytest

from jobs.codes import ErrorCode
from jobs.errors import InputError, UsageError
from jobs.model import InputFile, Places
from jobs.store.store import Store
from producer.inputs import STDIN, as_inputs, find_files
from producer.naming import named
from tests.producer.by_hand import answer_all, plan, results_of, submitted, write_input


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a.csv, b.jsonl and c.txt are: the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("prompt\na1\na2\n")
    write_input(tmp_path / "b.jsonl", {"prompt": "b1"}, b"{", {"prompt": "b3"})
    (tmp_path / "c.txt").write_text("c1\n")
    return tmp_path


ALL = [Path("a.csv"), Path("b.jsonl"), Path("c.txt")]


def test_the_rows_of_all_come_out_in_the_order_of_the_files(store: Store, folder: Path) -> None:
    done = submitted(store, plan([*reversed(ALL)]))

    assert (done.new, done.bad_lines, done.batch.name) == (6, 1, "c.txt and 2 more")
    assert answer_all(store) == ["c1", "b1", "b3", "a1", "a2"]
    rows = results_of(store, done.batch.id)
    assert [row.get("response") for row in rows] == ["1c", "1b", None, "3b", "1a", "2a"]


def test_an_error_names_its_file_and_the_line_there(store: Store, folder: Path) -> None:
    done = submitted(store, plan(ALL))

    bad = next(row for row in results_of(store, done.batch.id) if "response" not in row)

    assert (bad["file"], bad["line"]) == ("b.jsonl", 2)
    assert (bad["error"]["file"], bad["error"]["line"]) == ("b.jsonl", 2)
    assert bad["error"]["code"] == ErrorCode.INVALID_JSON


def test_a_row_more_in_the_first_file_runs_none_of_the_others_again(
    store: Store, folder: Path
) -> None:
    submitted(store, plan(ALL, folder / "out.jsonl"))
    answer_all(store)
    with (folder / "a.csv").open("a") as file:
        file.write("a3\n")

    again = submitted(store, plan(ALL, folder / "out.jsonl"))

    assert (again.kept, again.changed) == (5, 0)
    assert answer_all(store) == ["a3"]
    responses = [row.get("response") for row in results_of(store, again.batch.id)]
    assert responses == ["1a", "2a", "3a", "1b", None, "3b", "1c"]


def test_files_that_come_later_leave_the_answers_of_the_first_alone(
    sqlite_store: Store, folder: Path
) -> None:
    output = folder / "out.jsonl"
    submitted(sqlite_store, plan([Path("b.jsonl")], output))
    answer_all(sqlite_store)

    submitted(sqlite_store, plan(ALL, output))
    assert answer_all(sqlite_store) == ["a1", "a2", "c1"]

    back = submitted(sqlite_store, plan([Path("b.jsonl")], output))
    assert (back.kept, back.changed) == (2, 0)
    assert answer_all(sqlite_store) == []


def test_the_same_id_in_two_files_is_an_error_of_the_second(
    sqlite_store: Store, tmp_path: Path
) -> None:
    files = [
        write_input(tmp_path / f"{name}.jsonl", {"custom_id": "x", "prompt": name})
        for name in ("a", "b")
    ]

    done = submitted(sqlite_store, plan(files))

    assert answer_all(sqlite_store) == ["a"]
    second = results_of(sqlite_store, done.batch.id)[1]
    assert second["error"]["code"] == ErrorCode.DUPLICATE_CUSTOM_ID
    assert second["error"]["file"] == "b.jsonl"


def test_a_template_is_held_against_each_file(sqlite_store: Store, folder: Path) -> None:
    with pytest.raises(UsageError, match=r"`prompt`, which no row of c\.txt has"):
        submitted(sqlite_store, plan(ALL, prompt="{prompt}"))


def test_an_empty_file_among_others_has_no_rows(sqlite_store: Store, folder: Path) -> None:
    (folder / "empty.csv").touch()

    done = submitted(sqlite_store, plan([Path("empty.csv"), Path("c.txt")]))

    assert done.new == 1
    assert answer_all(sqlite_store) == ["c1"]


def test_only_files_without_use_are_refused_with_the_first_fault(
    sqlite_store: Store, tmp_path: Path
) -> None:
    files = [write_input(tmp_path / name, b"{") for name in ("a.jsonl", "b.jsonl")]

    with pytest.raises(InputError, match=r"all 2 lines cannot run\. Line 1 of .*a\.jsonl:"):
        submitted(sqlite_store, plan(files))


def test_more_files_than_a_process_may_have_open_are_read(
    sqlite_store: Store, tmp_path: Path
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = 64
    files = [write_input(tmp_path / f"{n}.jsonl", {"prompt": "p"}) for n in range(many)]
    in_use = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + many // 2, hard))
    try:
        assert submitted(sqlite_store, plan(files)).new == many
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_an_output_the_files_together_name_the_run(
    sqlite_store: Store, folder: Path
) -> None:
    first = submitted(sqlite_store, plan(ALL))

    assert submitted(sqlite_store, plan(ALL)).batch.id == first.batch.id
    assert submitted(sqlite_store, plan(ALL[:2])).batch.id != first.batch.id


def test_patterns_are_expanded_in_order_and_each_file_comes_once(folder: Path) -> None:
    (folder / "d").mkdir()
    (folder / "d" / "e.csv").touch()
    (folder / "[x].csv").touch()

    def found(*words: str, output: str = "out") -> list[str]:
        return [str(path) for path in find_files([Path(w) for w in words], Path(output))]

    assert found("*.csv") == ["[x].csv", "a.csv"]
    assert found("b.jsonl", "*") == ["b.jsonl", "[x].csv", "a.csv", "c.txt"]
    assert found("**/e.csv", "[x].csv", "-") == ["d/e.csv", "[x].csv", "-"]
    assert found("missing.csv") == ["missing.csv"]


def test_a_pattern_never_means_the_output(folder: Path) -> None:
    (folder / "out.csv").touch()

    assert find_files([Path("*.csv")], folder / "out.csv") == (Path("a.csv"),)
    with pytest.raises(InputError, match=r"No file fits o\*\.csv"):
        find_files([Path("o*.csv")], Path("out.csv"))


def test_standard_input_is_given_once() -> None:
    assert find_files([STDIN]) == (STDIN,)
    with pytest.raises(UsageError, match="more than once"):
        find_files([STDIN, STDIN])


def test_files_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = [tmp_path / "x/1/a.csv", tmp_path / "x/2/a.csv", tmp_path / "b.csv"]

    files = named(as_inputs(paths))

    assert [file.name for file in files] == ["1/a.csv", "2/a.csv", "b.csv"]
    assert [file.ids for file in files] == ["1/a.csv:", "2/a.csv:", "b.csv:"]
    assert [file.ids for file in named(as_inputs(paths[:1]))] == [""]


def test_a_line_of_a_batch_is_found_in_its_file() -> None:
    def file(name: str, offset: int | None) -> InputFile:
        return InputFile(path=name, name=name, ids="", offset=offset)

    files = (file("a", 0), file("empty", 3), file("b", 3), file("unread", None))

    assert [Places(files).of(line) for line in (1, 3, 4, 9)] == [
        ("a", 1),
        ("a", 3),
        ("b", 1),
        ("b", 6),
    ]
    assert Places(files[:1]).of(7) == Places(()).of(7) == (None, 7)
