"""Stores and backups as files, in short words."""

from pathlib import Path

#: What a file holds that is none.
NO_DATABASE = "no database at all, and longer than a header would be" * 100


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def left_in(folder: Path) -> set[str]:
    """What is in a folder, but for locks."""
    return {path.name for path in folder.iterdir() if path.suffix not in {".lock", ".leader"}}


def hidden_in(folder: Path) -> list[str]:
    """What is hidden in a folder, such as a file that is being made."""
    return [path.name for path in folder.glob(".*")]


def ignore(_done: int, _total: int) -> None:
    """For a copy whose progress is no matter."""
