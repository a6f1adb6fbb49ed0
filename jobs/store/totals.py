"""What a store comes to: the rows of each table, and sums by which a copy of it is known."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Double, Table, Text

from jobs.store.snapshot import TABLES


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Equal for a store and a true copy of it, whichever databases they are in."""

    #: Number of rows, by table.
    rows: dict[str, int]
    #: By table and column: how many values there are, and what they come to.
    sums: dict[str, tuple[float | None, ...]]
    #: How many jobs are in each state, by batch.
    states: dict[str, dict[str, int]]


def totals(c: Connection) -> Totals:
    """Add everything up. Reads all of the store."""
    sums = {table.name: _sums(c, table) for table in TABLES}
    return Totals(rows=row_counts(c), sums=sums, states=_states(c))


def row_counts(c: Connection) -> dict[str, int]:
    """The number of rows of each table."""
    return {
        table.name: int(c.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar_one())  # noqa: S608
        for table in TABLES
    }


def differing(ours: Totals, theirs: Totals) -> list[str]:
    """The tables in which two stores are not the same."""
    return [
        table.name
        for table in TABLES
        if ours.rows[table.name] != theirs.rows[table.name]
        or ours.sums[table.name] != theirs.sums[table.name]
        or (table.name == "jobs" and ours.states != theirs.states)
    ]


def _sums(c: Connection, table: Table) -> tuple[float | None, ...]:
    what = ", ".join(each for column in table.columns for each in _measures(column))
    return tuple(c.exec_driver_sql(f"SELECT {what} FROM {table.name}").one())  # noqa: S608


def _measures(column: Column[Any]) -> Iterator[str]:
    if column.nullable:
        yield f"count({column.name})"
    if isinstance(column.type, Double):
        # Sums of fractions depend on their order.
        yield f"min({column.name})"
        yield f"max({column.name})"
    elif isinstance(column.type, Text):
        yield f"CAST(coalesce(sum(length({column.name})), 0) AS BIGINT)"
    else:
        yield f"CAST(coalesce(sum({column.name}), 0) AS BIGINT)"


def _states(c: Connection) -> dict[str, dict[str, int]]:
    states: dict[str, dict[str, int]] = {}
    for batch_id, state, jobs in c.exec_driver_sql(_STATES):
        states.setdefault(batch_id, {})[state] = jobs
    return states


_STATES = "SELECT batch_id, state, count(*) FROM jobs GROUP BY batch_id, state"
