"""Where the product commits: read from its source, so that no place can be forgotten."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: Whose commits and broker calls are a batch's life; benches only measure it.
PACKAGES = ("jobs", "producer", "worker", "nightmill", "monitoring")
BENCHES = "nightmill.bench"

#: Methods of a store that open a transaction which commits where its block ends, or commit by
#: themselves; and functions that do, the last by giving a file that was made its place.
WRITES = frozenset({"write", "compact"})
WRITING = frozenset({"_transaction", "opened", "held_database", "put_in_place"})


class Site(NamedTuple):
    """A call in the source that ends in a commit."""

    name: str
    first_line: int
    last_line: int


def commit_sites() -> set[str]:
    """The names of all places of the product that commit."""
    return {site.name for module in modules() for site in sites_of(module)}


def modules() -> list[str]:
    """The product's modules."""
    paths = (path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    names = (".".join(path.with_suffix("").parts) for path in paths)
    return sorted(name for name in names if not name.startswith(BENCHES))


@cache
def sites_of(module: str) -> tuple[Site, ...]:
    """The places of a module that commit, in their order."""
    commits = [(name, call) for name, call in calls(module) if is_commit(call)]
    seen: Counter[str] = Counter()
    sites = []
    for name, call in sorted(commits, key=lambda found: found[1].lineno):
        seen[name] += 1
        number = f"#{seen[name]}" if seen[name] > 1 else ""
        sites.append(Site(name + number, call.lineno, call.end_lineno))
    return tuple(sites)


def calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    """All calls in a module, each with the qualified name of the function that it stands in."""
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")
    yield from _calls_below(ast.parse(source), f"{module}.")


def _calls_below(node: ast.AST, inside: str) -> Iterator[tuple[str, ast.Call]]:
    """`inside` begins the names of what is defined there."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _calls_below(child, f"{inside}{name}.<locals>.")
            case ast.ClassDef(name=name):
                yield from _calls_below(child, f"{inside}{name}.")
            case _:
                if isinstance(child, ast.Call):
                    yield inside.removesuffix(".<locals>."), child
                yield from _calls_below(child, inside)


def is_commit(call: ast.Call) -> bool:
    """Whether it calls what commits: `….write()` of a store, and the like.

    What else is called `write` gets what it writes as a positional argument.
    """
    match call:
        case ast.Call(func=ast.Attribute(attr=name), args=[]) if name in WRITES:
            return True
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in WRITING:
            return not any("READ" in ast.unparse(argument) for argument in arguments)
    return False


def doors() -> set[str]:
    """The functions that take a connection of the database, through which all others go."""
    return functions_that_call(frozenset({"begin", "connect", "raw_connection"}), of="engine")


def functions_that_call(methods: frozenset[str], of: str = "") -> set[str]:
    """The functions of the product that call one of these methods, on what is named like `of`."""
    return {
        name
        for module in modules()
        for name, call in calls(module)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in methods
        and of in ast.unparse(call.func.value)
    }
