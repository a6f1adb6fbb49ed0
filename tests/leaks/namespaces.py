"""Running Python in network and mount namespaces of its own. For Linux."""

import os
import subprocess
import sys

from tests.architecture.source import ROOT

#: 0 is to be free to make namespaces without asking for a user namespace, too.
_AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_PROBE = "from tests.leaks.outside import outside\nwith outside(): pass"


def why_none() -> str:
    """Why no namespace with a counted way out can be made here; empty where one can."""
    try:
        done = run_inside("-c", _PROBE)
    except OSError as error:
        return str(error)
    return done.stderr if done.returncode else ""


def run_inside(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments inside, to its end."""
    return run("unshare", *_AS_ROOT, "--net", "--mount", sys.executable, *arguments, **environ)


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing of this process's own variables: cases bring theirs."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
