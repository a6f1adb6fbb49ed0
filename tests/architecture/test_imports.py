import ast
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import PACKAGES, ROOT, modules

#: Who touches the environment besides jobs/settings.py, which is given it, and why.
TOUCHES_ENVIRONMENT = {
    "nightmill/configured.py": "hands it to jobs/settings.py, and says where the SSH agent is, and"
    " who started us",
    "backends/mlx/child.py": "keeps its own process from asking a model hub",
}


def run_python(*args: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NIGHTMILL_DATA_DIR": "/nowhere",
    }
    return subprocess.run(
        [sys.executable, *args],
        input=given,
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_the_ways_that_the_contracts_allow() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = run_python("-c", code, "--no-cache")
    assert (done.returncode, " 0 broken." in done.stdout) == (0, True), done.stdout + done.stderr


def test_importing_does_no_work() -> None:
    probe = Path(__file__).with_name("import_probe.py")
    done = run_python(str(probe), given="\n".join(modules()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_command_line_does_not_load_what_only_one_process_needs() -> None:
    code = "import sys, nightmill, nightmill.cli; print({'mlx', 'transformers'} & {*sys.modules})"
    done = run_python("-c", code)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_environment_is_touched_only_where_there_is_a_reason() -> None:
    touching = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*.py")
        if touches_environment(ast.parse(path.read_text("utf-8")))
    }
    assert touching == TOUCHES_ENVIRONMENT.keys()


def touches_environment(tree: ast.Module) -> bool:
    """Whether the code names `os.environ`, `os.getenv` or one of their kin."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in names:
                return True
            case ast.ImportFrom(module="os", names=imported):
                if names & {each.name for each in imported}:
                    return True
    return False
