"""What is imported when, so that commands start fast and children stay small."""

import json
import subprocess
import sys

import pytest

HEAVY = ("celery", "kombu", "sqlalchemy", "mlx", "mlx_lm", "redis", "pydantic", "rich", "psutil")


def heavy_after(code: str) -> set[str]:
    """The heavy modules that a bare process has loaded after running `code`."""
    code += "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(HEAVY) & set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import nightmill", set()),
        ("from nightmill import StoreError, UsageError", set()),
        ("import nightmill.cli.app", set()),
        ("import nightmill.embedded.keeper", {"psutil"}),
        ("import nightmill.embedded.lifeline", set()),
        ("import nightmill.pools", {"pydantic"}),
    ],
)
def test_only_what_is_needed_is_imported(code: str, allowed: set[str]) -> None:
    assert heavy_after(code) <= allowed


def test_every_public_name_can_be_had() -> None:
    import nightmill

    assert all(getattr(nightmill, name) is not None for name in nightmill.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import nightmill

    with pytest.raises(AttributeError, match="nope"):
        nightmill.nope  # noqa: B018
