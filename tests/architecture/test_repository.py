import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, kept_files

MAX_LINES = 400
MAX_README = 150
#: Taken apart, so that this file does not name them either.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        *(("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org")),
        *(("proxy", "golang", "org"), ("crates", "io"), ("rubygems", "org")),
    )
]
#: Folders that only one machine has: homes, and a checkout in the root of a disk.
MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:root|home/\w+|Users/\w+|work|private/var)/")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def texts() -> list[tuple[Path, str]]:
    """The text files that are kept, with their contents."""
    found = []
    for path in kept_files():
        try:
            found.append((path.relative_to(ROOT), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue  # weights and the like
    return found


def test_no_file_is_longer_than_one_can_take_in() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in kept_files("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MAX_README


def test_no_file_names_a_registry() -> None:
    naming = [str(path) for path, text in texts() if any(host in text for host in REGISTRIES)]
    assert naming == []


def test_no_file_has_a_path_of_one_machine() -> None:
    found = [
        (str(path), match[0]) for path, text in texts() for match in MACHINE_PATH.finditer(text)
    ]
    assert found == []


def test_the_lock_file_is_not_kept() -> None:
    assert kept_files("uv.lock", "**/uv.lock", ".python-version") == []


def test_links_between_our_pages_lead_somewhere() -> None:
    broken = [
        f"{path}: {target}"
        for path, text in texts()
        if path.suffix == ".md"
        for target in LINK.findall(text)
        if not (ROOT / path.parent / target).exists()
    ]
    assert broken == []


def test_the_generated_parts_of_the_docs_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_wheel_is_made_of_our_packages_alone() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert config["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": [*PACKAGES]}


def test_every_package_says_that_it_is_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").exists()] == []


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_the_wheel_ships_no_tests_and_no_examples_but_the_demo_model(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {*PACKAGES}
    assert [
        name for name in names if re.search(r"(^|/)(tests?|examples)/|test_\w+\.py$", name)
    ] == []
    assert [name for name in names if name.endswith(".safetensors")] != []
    assert [name for name in names if "/migrations/versions/" in name] != []
    assert {"monitoring/templates/overview.html", "monitoring/static/overview.js"} <= {*names}
