"""The repository as its files."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("backends", "jobs", "monitoring", "nightmill", "producer", "tunnel", "worker")


def kept_files(*patterns: str) -> list[Path]:
    """What git keeps, or would keep once it is added; skips outside a checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def modules() -> list[str]:
    """The dotted names of all our modules, but for scripts and what only Alembic runs."""
    paths = (path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    return sorted(
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in paths
        if path.name != "__main__.py" and "migrations" not in path.parts
    )
