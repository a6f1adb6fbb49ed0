"""Write the generated parts of the docs: python docs/generate.py [--check]"""  # noqa: INP001  (a script)

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import get_origin

from annotated_types import Ge, Le
from pydantic_core import PydanticUndefined

from jobs.codes import ErrorCode
from jobs.settings import Settings
from jobs.settings_options import ANY, Option, options
from jobs.settings_sources import Key, variable

DOCS = Path(__file__).parent
BEGIN = "<!-- Generated from the code: change it there, then run `uv run just fix`. -->"
END = "<!-- End of what is generated. -->"


def main() -> int:
    """Write what has changed, or with --check say what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args().check
    stale = [page for page in PAGES if written(page) != read(page)]
    for page in stale:
        if check:
            sys.stderr.write(f"docs/{page} is not what the code says: run `uv run just fix`\n")
        else:
            (DOCS / page).write_text(written(page), "utf-8")
    return 1 if check and stale else 0


def read(page: str) -> str:
    """The page as it is."""
    return (DOCS / page).read_text("utf-8")


def written(page: str) -> str:
    """The page with its generated part made anew; what stands around it stays."""
    before, begin, rest = read(page).partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"expected docs/{page} to hold the two marks of its generated part")
    return f"{before}{BEGIN}\n\n{PAGES[page]()}\n{END}{after}"


def settings_tables() -> str:
    """One table for each table of the configuration file."""
    return "\n".join(
        f"## {title}\n\n{table(('key', 'default', 'meaning', 'variable'), rows)}"
        for title, rows in settings_rows()
    )


def settings_rows() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The titles of the tables and what stands in them."""
    for section, group in groupby(options(Settings), key=section_of):
        title = f"`[{'.'.join(section)}]`" if section else "At the top of the file"
        yield (
            title,
            [
                (
                    f"`{option.key[-1] if section != option.key else ANY}`",
                    default_of(option),
                    f"{option.field.description}{limits_of(option)}",
                    f"`{variable(option.key)}`" if option.from_environment else "only in the file",
                )
                for option in group
            ],
        )


def section_of(option: Option) -> Key:
    """The table of the file in which a setting is written."""
    return option.key if get_origin(option.field.annotation) is dict else option.key[:-1]


def default_of(option: Option) -> str:
    """The default where it is one value; where it depends, the meaning tells."""
    default = option.field.default
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "" if default in (None, (), PydanticUndefined) else f"`{default}`"


def limits_of(option: Option) -> str:
    """The limits of a number, as a sentence."""
    low = [limit.ge for limit in option.field.metadata if isinstance(limit, Ge)]
    high = [limit.le for limit in option.field.metadata if isinstance(limit, Le)]
    if low and high:
        return f" {low[0]} to {high[0]}."
    return f" At least {low[0]}." if low else ""


def errors_table() -> str:
    """All codes, in the order in which a job can meet them."""
    rows = [(f"`{code.value}`", code.sentence, code.way_out) for code in ErrorCode]
    return table(("code", "what is wrong", "what helps"), rows)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|")


#: The pages with a generated part, and what makes it.
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_tables,
    "errors.md": errors_table,
}

if __name__ == "__main__":
    sys.exit(main())
