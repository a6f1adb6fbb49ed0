"""Machines are told apart by the ids of their folders of locks."""

import shutil
from pathlib import Path

from jobs import guards


def test_a_folder_of_locks_is_known_by_an_id_of_its_own(tmp_path: Path) -> None:
    first = guards.guard_of(tmp_path / "a")

    assert guards.guard_of(tmp_path / "a") == first
    assert guards.guard_of(tmp_path / "b") != first


def test_a_copy_of_a_folder_of_locks_guards_nothing_of_the_first(tmp_path: Path) -> None:
    first = guards.guard_of(tmp_path / "a")

    shutil.copytree(tmp_path / "a", tmp_path / "copy")

    assert guards.guard_of(tmp_path / "copy") != first
    assert guards.guard_of(tmp_path / "a") == first


def test_a_torn_id_of_a_folder_is_made_anew(tmp_path: Path) -> None:
    guards.guard_of(tmp_path)
    (tmp_path / "guard").write_text("")

    assert guards.guard_of(tmp_path)
