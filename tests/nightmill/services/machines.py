"""Machines as services see them, and a runner that only takes down what it is given."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nightmill.services.facts import Facts, Site
from nightmill.services.runner import Ran
from nightmill.services.service import Service

TUNNEL = Service(kind="tunnel", name="home")
WORKER = Service(kind="worker", name="mlx", end_s=50, after=("home",))
DISPATCH = Service(kind="dispatch", name="")


class Recorder:
    """Runs nothing. What begins with the words of an answer ends like that, all else well."""

    def __init__(self, **answers: Ran) -> None:
        self.given: list[str] = []
        self.answers = {words.replace("_", " "): ran for words, ran in answers.items()}

    def __call__(self, command: Sequence[str]) -> Ran:
        line = " ".join(command)
        self.given.append(line)
        for words, ran in self.answers.items():
            if words in line:
                return ran
        return Ran(0, "")


def linux(folder: Path, *, is_root: bool = True, version: int = 252) -> Facts:
    """A server with systemd."""
    return Facts(
        site=Site(manager="systemd", is_root=is_root, folder=folder),
        version=version,
        is_running=True,
        user="mill",
        home=folder / "home",
        python=Path("/usr/bin/python3"),
        data_dir=folder / "home" / "data",
        config=None,
    )


def mac(folder: Path) -> Facts:
    """A Mac, and a user of it who is not root."""
    site = Site(manager="launchd", is_root=False, folder=folder)
    return replace(linux(folder), site=site, version=0, user="anna")
