import errno
import os
import re
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from jobs.errors import StoppedEarlyError, UsageError
from jobs.store.store import Store
from producer.beside import written_beside
from producer.export import export_file
from producer.output_file import check_output, check_place
from tests.producer.by_hand import answer_all, openai_line, plan, submitted, write_input


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path / "in.jsonl", openai_line())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def parts(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part"))


def test_a_new_an_empty_and_no_output_are_fine(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    for path in (None, output):
        check_place(path, None)
        check_output(sqlite_store, plan(source, path))
    assert parts(output.parent) == []
    output.touch()
    check_place(output, None)
    check_output(sqlite_store, plan(source, output))


def test_the_results_of_this_run_may_be_replaced(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    done = submitted(sqlite_store, plan(source, output))
    answer_all(sqlite_store)
    export_file(sqlite_store, done.batch.id, output)

    check_output(sqlite_store, plan(source, output))


@pytest.mark.parametrize("contents", [b"my notes", b'{"title": "x"}\n', b"[1]", b"\xff\0"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_file_of_somebody_else_is_refused_unless_forced(
    sqlite_store: Store, source: Path, output: Path, contents: bytes, is_known: bool
) -> None:
    if is_known:
        submitted(sqlite_store, plan(source, output))
    output.write_bytes(contents)

    with pytest.raises(UsageError, match=r"belongs to something else.*--force"):
        check_output(sqlite_store, plan(source, output))

    check_output(sqlite_store, plan(source, output), is_forced=True)


def test_results_that_this_store_knows_nothing_of_are_somebody_elses(
    sqlite_store: Store, source: Path, output: Path
) -> None:
    output.write_text('{"response": "x", "error": null}\n')

    with pytest.raises(UsageError, match="belongs to something else"):
        check_output(sqlite_store, plan(source, output))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "is a directory"),
        ("nowhere/out.jsonl", "does not exist"),
        ("in.jsonl/out.jsonl", "in.jsonl is a file, so"),
        (f"{'x' * 300}.jsonl", "cannot be written: File name too long"),
        ("pipe", "not a regular file"),
        ("out.xlsx", "cannot be written as .xlsx"),
        ("out.jsonl.GZ", "cannot be written as .gz"),
    ],
)
def test_a_place_that_cannot_take_the_results_is_refused(
    source: Path, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match=re.escape(words)):
        check_place(tmp_path / name, None)


@pytest.mark.parametrize("name", ["in.jsonl", "link.jsonl"])
def test_the_input_is_not_replaced_even_if_forced(
    sqlite_store: Store, source: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "link.jsonl").symlink_to(source)

    with pytest.raises(UsageError, match="is the input"):
        check_output(sqlite_store, plan(source, tmp_path / name), is_forced=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that takes no files")
def test_a_folder_that_takes_no_files_is_refused_whoever_asks() -> None:
    with pytest.raises(UsageError, match=r"/proc/out.jsonl cannot be written: .* -o"):
        check_place(Path("/proc/out.jsonl"), None)


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "full"), (errno.EROFS, "read-only")])
def test_a_disk_that_takes_nothing_is_refused_before_the_night(
    output: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(UsageError, match=f"cannot be written: the disk is {words}"):
        check_place(output, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o500)

    with pytest.raises(UsageError, match="cannot be written"):
        check_place(tmp_path / "folder" / "out.jsonl", None)


def test_the_file_changes_in_one_piece_at_the_end(output: Path) -> None:
    output.write_bytes(b"old")

    with written_beside(output) as stream:
        stream.write(b"new")
        stream.flush()
        assert output.read_bytes() == b"old"

    assert output.read_bytes() == b"new"
    assert parts(output.parent) == []


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(output: Path) -> None:
    output.write_bytes(b"old")

    with pytest.raises(KeyboardInterrupt), written_beside(output):
        raise KeyboardInterrupt

    assert output.read_bytes() == b"old"
    assert parts(output.parent) == []


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(
    output: Path,
) -> None:
    dead = output.with_name(".out.jsonl.0123456789abcdef.part")
    dead.touch()
    other = output.with_name(".other.jsonl.0123456789abcdef.part")
    other.touch()

    with written_beside(output):
        [living] = set(parts(output.parent)) - {other}
        assert living != dead
        with written_beside(output) as stream:
            stream.write(b"second")
        assert living.exists()

    assert parts(output.parent) == [other]


def test_the_mode_of_the_old_file_stays_and_a_new_one_follows_the_umask(output: Path) -> None:
    with written_beside(output):
        pass
    usual = output.with_name("usual")
    usual.touch()
    assert output.stat().st_mode == usual.stat().st_mode

    output.chmod(0o640)
    with written_beside(output):
        pass
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def test_a_link_goes_on_pointing_at_the_file_that_is_replaced(output: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    output.symlink_to("elsewhere/real.jsonl")

    with written_beside(output) as stream:
        stream.write(b"new")

    assert output.is_symlink()
    assert (tmp_path / "elsewhere" / "real.jsonl").read_bytes() == b"new"


def test_the_longest_name_that_a_file_can_have_will_do(tmp_path: Path) -> None:
    output = tmp_path / ("ü" * 127)

    with written_beside(output) as stream:
        stream.write(b"new")

    assert output.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_that_fails_stops_early_and_says_how_to_go_on(
    output: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(_fd: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)

    with (
        pytest.raises(StoppedEarlyError, match=f"{words}.*same command again"),
        written_beside(output),
    ):
        pass

    assert not output.exists()
    assert parts(output.parent) == []


def test_a_folder_that_is_gone_stops_early(tmp_path: Path) -> None:
    with (
        pytest.raises(StoppedEarlyError, match="No such file"),
        written_beside(tmp_path / "gone" / "out.jsonl"),
    ):
        pass
