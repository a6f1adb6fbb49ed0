"""The page that says what is lost names a test for each row, and a row for each fault."""

import re
from pathlib import Path

import pytest

from tests.chaos.cells import all_cells
from tests.chaos.faults import FAULTS
from tests.integration.mill import ROOT

PAGE = ROOT / "docs" / "faults.md"
FAULT_NAMES = {fault.name for fault in FAULTS}


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named_in(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[-1])


@pytest.mark.parametrize("row", rows(), ids=lambda row: named_in(row)[0])
def test_a_row_says_everything_and_names_what_shows_it(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    assert named_in(row)
    for name in named_in(row):
        assert name in FAULT_NAMES or is_test(name), name


def test_every_fault_of_the_matrix_has_its_row() -> None:
    assert {name for row in rows() for name in named_in(row)} >= FAULT_NAMES


def test_what_is_left_out_of_the_matrix_is_left_out_for_a_reason() -> None:
    left_out = [fault for fault in FAULTS if len(fault.moments) < 5]

    assert all(fault.reason for fault in left_out)
    assert not any(fault.reason for fault in FAULTS if fault not in left_out)


def test_every_cell_has_a_name_of_its_own() -> None:
    ids = [cell.id for cell in all_cells()]

    assert len(set(ids)) == len(ids)


def is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    file = ROOT / Path(path)
    return file.is_file() and f"\ndef {function}(" in file.read_text("utf-8")
