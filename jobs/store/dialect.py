"""One text of SQL for both databases: the few places in which they differ have names.

`{now}`          the database's clock, in seconds since the epoch
`{lock}`         takes the rows selected in the order selected; SQLite has one writer anyway
`{skip_locked}`  the same, but leaves out what somebody else holds
`{jobs_in_flight}`, `{in_flight}`   the table and the condition that read `jobs AS j` through the
                 small index of what is dispatched or running
`{state}`, `{batch}`   the state and the batch of `jobs AS j` for comparing only, where rows are
                 found by id or through that small index: another index is no shorter way, though
                 Postgres takes it for one where it has not counted the rows lately
`{position}`     the function that says where in a text another one begins, 0 where it does not
`{NAME}`         for each list given by name: a subselect of its rows, passed as one JSON value
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, CursorResult

SQLITE = "sqlite"
POSTGRES = "postgresql"

#: SQLite's driver takes `:name` as it is, Postgres's wants `%(name)s`.
_PARAMETER = re.compile(r":([a-z_]+)")

# Word for word as the index has it: else SQLite does not see that it fits.
_IN_FLIGHT = "j.state IN ('dispatched', 'running')"

_WORDS = {
    SQLITE: {
        "now": "((julianday('now') - 2440587.5) * 86400.0)",
        "lock": "",
        "skip_locked": "",
        "jobs_in_flight": "jobs AS j INDEXED BY jobs_in_flight",
        "in_flight": _IN_FLIGHT,
        "position": "instr",
        "state": "j.state",
        "batch": "j.batch_id",
    },
    POSTGRES: {
        "now": "CAST(extract(epoch FROM statement_timestamp()) AS double precision)",
        "lock": "FOR UPDATE OF j",
        "skip_locked": "FOR UPDATE OF j SKIP LOCKED",
        "jobs_in_flight": "jobs AS j",
        "in_flight": _IN_FLIGHT,
        "position": "strpos",
        "state": "(j.state || '')",
        "batch": "(j.batch_id || '')",
    },
}

_PICK = {
    SQLITE: "json_extract(value, '$[{i}]') AS {column}",
    POSTGRES: "CAST(value ->> {i} AS {kind}) AS {column}",
}
_PLAIN_LIST = {
    SQLITE: "json_each(:{name})",
    POSTGRES: "jsonb_array_elements_text(CAST(:{name} AS jsonb)) AS t(value)",
}
_ROWS = {
    SQLITE: "json_each(:{name})",
    POSTGRES: "jsonb_array_elements(CAST(:{name} AS jsonb)) AS t(value)",
}


class Sql:
    """A constant statement. `parts` are pieces of SQL that several statements share. Lists are
    given as `name="column type, column type"`; one untyped column is a plain list of texts.
    """

    def __init__(self, template: str, parts: Mapping[str, str] | None = None, **lists: str) -> None:
        self._template = template
        self._parts = parts or {}
        self._lists = lists
        self._texts: dict[str, str] = {}

    def __call__(self, c: Connection, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        """Run it; each list is a sequence of rows in the order of its columns."""
        for name in self._lists:
            values[name] = msgspec.json.encode(values[name]).decode()
        dialect = c.dialect.name
        statement = self._texts.get(dialect)
        if statement is None:
            statement = self._texts[dialect] = self._for(dialect)
        # Not `text()`: reading its parameters each time takes longer than many a statement.
        return c.exec_driver_sql(statement, values)

    def _for(self, dialect: str) -> str:
        lists = {name: _unpack(dialect, name, spec) for name, spec in self._lists.items()}
        words = _WORDS[dialect] | lists
        # The parts have words of their own.
        template = self._template
        for name, part in self._parts.items():
            template = template.replace(f"{{{name}}}", part)
        statement = template.format_map(words)
        return statement if dialect == SQLITE else _PARAMETER.sub(r"%(\1)s", statement)


class Insert:
    """Many rows into one table in one round trip, as fast as the database allows."""

    def __init__(self, table: str, columns: str, tail: str = "") -> None:
        names, types = zip(*_columns(columns), strict=True)
        head = f"INSERT INTO {table} ({', '.join(names)})"
        marks = ", ".join("?" for _ in names)
        arrays = ", ".join(f"CAST(%s AS {kind}[])" for kind in types)
        self._sqlite = f"{head} VALUES ({marks}) {tail}"
        self._postgres = f"{head} SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608  (constants)

    def __call__(self, c: Connection, rows: list[tuple[Any, ...]]) -> int:
        """Insert tuples in the order of the columns; how many rows went in."""
        if not rows:
            return 0
        if c.dialect.name == SQLITE:
            return c.exec_driver_sql(self._sqlite, rows).rowcount
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        return c.exec_driver_sql(self._postgres, columns).rowcount


def now(c: Connection) -> float:
    """The database's clock, in seconds since the epoch."""
    return float(_NOW(c).scalar_one())


_NOW = Sql("SELECT {now}")


def _unpack(dialect: str, name: str, spec: str) -> str:
    """A subselect of the rows of a list: `[text, …]` or `[[value, …], …]` as JSON."""
    columns = _columns(spec)
    is_plain = columns == [(spec, "")]
    if is_plain:
        picked = f"value AS {spec}"
    else:
        pick = _PICK[dialect]
        picked = ", ".join(pick.format(i=i, kind=k, column=c) for i, (c, k) in enumerate(columns))
    source = _PLAIN_LIST[dialect] if is_plain else _ROWS[dialect]
    return f"(SELECT {picked} FROM {source.format(name=name)})"  # noqa: S608  (constants)


def _columns(spec: str) -> list[tuple[str, str]]:
    parts = (part.strip() for part in spec.split(","))
    return [(column, kind) for column, _, kind in (part.partition(" ") for part in parts)]
