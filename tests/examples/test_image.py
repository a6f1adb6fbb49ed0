"""The image is small, runs as nobody, and has nothing to build with."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from tests.architecture.source import PACKAGES, ROOT


class Step(NamedTuple):
    """One instruction of the Dockerfile."""

    word: str
    rest: str


def stages() -> list[list[Step]]:
    """The instructions of each stage, continued lines joined."""
    lines = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()
    steps = [
        Step(word.upper(), " ".join(rest.split()))
        for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]
    found: list[list[Step]] = []
    for step in steps:
        if step.word == "FROM":
            found.append([])
        found[-1].append(step)
    return found


def of(stage: list[Step], word: str) -> list[str]:
    return [step.rest for step in stage if step.word == word]


def test_it_knows_no_other_instructions_than_docker_does() -> None:
    known = {"FROM", "WORKDIR", "RUN", "ENV", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert {step.word for stage in stages() for step in stage} <= known


def test_it_is_built_in_one_image_and_runs_in_another_of_the_same_python() -> None:
    build, final = stages()
    ((base, _, name), (run,)) = (of(build, "FROM")[0].split(), of(final, "FROM"))
    assert (base, name) == (run, "build")
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base)


def test_it_runs_as_a_user_with_the_number_that_owns_the_passwords() -> None:
    _, final = stages()
    assert of(final, "USER") == ["999"]
    (made,) = of(final, "RUN")
    assert "useradd --uid 999" in made


def test_nothing_to_build_with_comes_along() -> None:
    _, final = stages()
    assert of(final, "COPY") == ["--from=build /opt/nightmill /opt/nightmill"]
    for command in of(final, "RUN"):
        assert not re.search(r"\b(apt|apt-get|pip|uv|gcc|curl|wget)\b", command)


def test_it_is_given_every_package_and_nothing_that_is_not_kept() -> None:
    build, _ = stages()
    given = [word for copy in of(build, "COPY") for word in copy.split()[:-1]]
    assert {*PACKAGES} <= {*given}
    assert all((ROOT / name).exists() for name in given)


def test_the_context_lets_in_what_is_copied_and_nothing_else() -> None:
    build, _ = stages()
    given = {word for copy in of(build, "COPY") for word in copy.split()[:-1]}
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == given


def test_no_image_and_no_tool_is_left_to_chance() -> None:
    build, final = stages()
    assert "uv==" in of(build, "RUN")[0]
    for base in (*of(build, "FROM"), *of(final, "FROM")):
        host, slash, _ = base.partition("/")
        assert not slash or "." not in host


def test_its_data_directory_is_the_one_that_compose_keeps() -> None:
    _, final = stages()
    (data_dir,) = re.findall(r"NIGHTMILL_DATA_DIR=(\S+)", " ".join(of(final, "ENV")))
    assert PurePosixPath(data_dir).is_absolute()
    assert f":{data_dir}\n" in (ROOT / "compose.yaml").read_text()
    assert f"install -d -m 700 -o nightmill -g nightmill {data_dir}" in of(final, "RUN")[0]
