from pathlib import Path

import pytest

from jobs.errors import UsageError
from nightmill.bench import places
from nightmill.bench.places import file_system_of, fsyncs_per_s, workplace


def test_nothing_is_left_of_a_workplace(tmp_path: Path) -> None:
    with workplace(tmp_path / "new") as place:
        (place / "store.db").write_text("")

    assert list((tmp_path / "new").iterdir()) == []


def test_nothing_is_left_of_a_bench_that_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), workplace(tmp_path):
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "file_system_of", lambda _path: "tmpfs")

    with pytest.raises(UsageError, match="lies in memory"), workplace(tmp_path):
        pass


def test_memory_is_told_by_its_file_system() -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("this system has no /dev/shm")

    assert file_system_of(shared) in places.IN_MEMORY


def test_a_folder_that_cannot_be_made_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be written"), workplace(tmp_path / "file" / "in"):
        pass


def test_syncs_are_counted(tmp_path: Path) -> None:
    assert fsyncs_per_s(tmp_path, for_s=0.02) > 0
    assert list(tmp_path.iterdir()) == []
