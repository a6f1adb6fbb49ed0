"""The checks of `real_checks.py`, where there is a real Ollama to run them against."""

import sys
from pathlib import Path

import pytest

from tests.backends.ollama.real import PROGRAM
from tests.leaks import namespaces

_PYTEST = ("-m", "pytest", "-n0", "-p", "no:cacheprovider")
_CHECKS = str(Path(__file__).with_name("real_checks.py"))


# Also in CI, which installs none.
@pytest.mark.skipif(PROGRAM is None, reason="no ollama on the PATH or in NIGHTMILL_TEST_OLLAMA")
def test_a_real_ollama_passes_the_checks() -> None:
    environ = {"NIGHTMILL_TEST_OLLAMA": str(PROGRAM)}
    if namespaces.why_none():
        # Its cloud is off all the same.
        done = namespaces.run(sys.executable, *_PYTEST, _CHECKS, **environ)
    else:
        environ["NIGHTMILL_TEST_IN_NAMESPACES"] = "yes"
        done = namespaces.run_inside(*_PYTEST, _CHECKS, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
