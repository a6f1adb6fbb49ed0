"""What the files of an input are called, so that their rows are known again."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jobs.model import InputFile
from producer.inputs import Input
from producer.plan import shown_path

#: Characters of a name; with its row's number it is a custom_id.
_LONGEST = 400


def named(inputs: Sequence[Input], known: Sequence[InputFile] = ()) -> tuple[InputFile, ...]:
    """The files with their names, and with what comes before the default ids of their rows.

    That is nothing for an only file, and else the file's name, or as much of the end of its path
    as tells it from the others. A file that an earlier reading knew keeps what it had, so that
    its rows stay the same whatever files come beside it.
    """
    paths = [_path_of(given) for given in inputs]
    names = _shortest_ends([_parts_of(given) for given in inputs])
    before = {file.path: file.ids for file in known}
    is_alone = len(inputs) == 1
    return tuple(
        InputFile(path=path, name=name, ids=before.get(path, "" if is_alone else f"{name}:"))
        for path, name in zip(paths, names, strict=True)
    )


def _path_of(given: Input) -> str:
    return "-" if given.is_stdin else shown_path(os.path.realpath(given.path))


def _parts_of(given: Input) -> tuple[str, ...]:
    if given.is_stdin:
        return ("stdin",)
    return Path(shown_path(given.path.absolute())).parts


def _shortest_ends(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """For each path its last part, or more of them where others end in the same."""
    sizes = [1] * len(parts)
    while True:
        ends = ["/".join(own[-size:]) for own, size in zip(parts, sizes, strict=True)]
        times = Counter(ends)
        longer = [
            min(size + (times[end] > 1), len(own))
            for end, size, own in zip(ends, sizes, parts, strict=True)
        ]
        if longer == sizes:
            return [end[-_LONGEST:] for end in ends]
        sizes = longer
