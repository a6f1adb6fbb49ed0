import re
from types import ModuleType

import pytest

import backends.errors
import jobs.errors

Tree = dict[str, str]


def drawn(module: ModuleType) -> Tree:
    """Each class of the drawing at the head of a module, with the one above it."""
    above: dict[int, str] = {}
    tree: Tree = {}
    for line in (module.__doc__ or "").splitlines():
        if match := re.match(r"([│ ]*(?:[├└]── )?)([A-Z]\w*Error)\b", line):
            depth = len(match[1]) // 4
            tree[match[2]] = above.get(depth - 1, "Exception")
            above[depth] = match[2]
    return tree


def in_code(module: ModuleType) -> Tree:
    return {
        name: each.__base__.__name__
        for name, each in vars(module).items()
        if isinstance(each, type)
        and issubclass(each, Exception)
        and each.__module__ == module.__name__
        and each.__base__ is not None
    }


@pytest.mark.parametrize("module", [jobs.errors, backends.errors])
def test_the_tree_at_the_head_of_the_file_is_the_one_in_code(module: ModuleType) -> None:
    assert drawn(module) == in_code(module)


@pytest.mark.parametrize("module", [jobs.errors, backends.errors])
def test_every_error_says_when_it_is_raised(module: ModuleType) -> None:
    for name in in_code(module):
        assert len(vars(module)[name].__doc__) > 30


def test_faults_of_the_configuration_are_listed() -> None:
    error = jobs.errors.SettingsError(["one", "two"])
    assert error.faults == ("one", "two")
    assert str(error) == "one\ntwo"
