"""Python runs this when it starts, wherever this folder is on PYTHONPATH.

A real `nightmill worker` that the process under test starts is given its hooks by it.
"""

import os
import sys

if "CRASH_AT" in os.environ and "worker" in sys.orig_argv:
    from tests.chaos.crash_hooks import die_once_as_told_by_the_environment

    die_once_as_told_by_the_environment()
