"""Commands that are named in what people read: they have to work as they stand there."""

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import NightmillError

_OF_TUNNEL = re.compile(r"(?<=`)nightmill tunnel [^`]+(?=`)")


def with_config(lines: Iterable[str], config: Path | None) -> list[str]:
    """The same lines, where the commands about tunnels go by this file, too."""
    if config is None:
        return list(lines)
    option = f" --config {shlex.quote(str(config))}"
    return [_OF_TUNNEL.sub(lambda command: command[0] + option, line) for line in lines]


@contextmanager
def errors_with_config(config: Path | None) -> Iterator[None]:
    """What is raised names its commands in the same way."""
    try:
        yield
    except NightmillError as error:
        error.args = tuple(with_config([str(error)], config))
        raise
