"""Tunnels in the store: a lease says that one lives, so that nobody waits for what it cut off."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql
from jobs.tunnels import TunnelReport, TunnelState

#: Seconds for which a tunnel that is not heard of counts as alive.
LEASE_S = 15.0
#: Seconds from one sign of life to the next.
RENEW_S = 4.0


class TunnelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tunnel as it announced itself."""

    name: str
    session: str
    #: The id of its machine's folder of locks.
    guard: str
    #: Whether the workers of its machine get to the store or the broker through it.
    brings: bool
    #: The pools whose work goes through it.
    pools: tuple[str, ...]
    #: What machine it is, for people.
    machine: str
    #: Nightmill's version.
    version: str
    report: TunnelReport
    #: How often it was taken up.
    epoch: int = 0
    #: Seconds since the epoch, by the store's clock, which also sets it.
    started_at: float = 0.0
    #: Seconds since it was heard of.
    silent_s: float = 0.0
    #: Whether its lease runs.
    is_alive: bool = False


def take(c: Connection, tunnel: TunnelRow) -> int | None:
    """Take a tunnel's name; the epoch of the lease. None where another session that lives has it.

    A session of the same machine gives way: its lock was free, so it is dead.
    """
    return _TAKE(c, lease_s=LEASE_S, **_values(tunnel)).scalar_one_or_none()


def renew(c: Connection, name: str, session: str, report: TunnelReport) -> bool:
    """Say that it lives, and how it is; False where another session has its name now."""
    values = {"name": name, "session": session, "lease_s": LEASE_S}
    return _RENEW(c, **values, **_of_report(report)).rowcount == 1


def leave(c: Connection, name: str, session: str) -> None:
    """End a tunnel; one of another session stays.

    One by which pools are reached stays, too, for these wait for it. Its workers, which come
    through it, do not: whoever is heard of from now on has another way.
    """
    _LEAVE(c, name=name, session=session)
    ended = TunnelReport(name=name, state=TunnelState.IDLE, reason="It was ended.")
    _END(c, name=name, session=session, **_of_report(ended))


def forget(c: Connection, name: str) -> bool:
    """Take out a tunnel that is not heard of, whosever it was; False where there is none."""
    return _FORGET(c, name=name).rowcount == 1


def forget_others(c: Connection, guard: str, configured: Collection[str]) -> None:
    """Take out what a machine dialled and has no more: a tunnel that was renamed or removed."""
    _FORGET_OTHERS(c, guard=guard, configured=list(configured))


def listing(c: Connection) -> list[TunnelRow]:
    """All tunnels that have not left, by name."""
    return [_tunnel(row._asdict()) for row in _LISTING(c)]


def cut_off(c: Connection) -> dict[str, TunnelRow]:
    """The hosts that are not to be reached for now, each with the first tunnel that is down."""
    cut: dict[str, TunnelRow] = {}
    # One statement: Postgres shows the next one what has happened since.
    for row in _CUT_OFF(c).mappings():
        values = dict(row)
        host = values.pop("host")
        if host not in cut:
            cut[host] = _tunnel(values)
    return cut


def _values(tunnel: TunnelRow) -> dict[str, str | int]:
    return {
        **_of_report(tunnel.report),
        "name": tunnel.name,
        "session": tunnel.session,
        "guard": tunnel.guard,
        "brings": int(tunnel.brings),
        "pools": "".join(f",{pool}" for pool in tunnel.pools) + ",",
        "machine": tunnel.machine,
        "version": tunnel.version,
    }


def _of_report(report: TunnelReport) -> dict[str, str]:
    return {"state": report.state.value, "report": msgspec.json.encode(report).decode()}


def _tunnel(row: dict[str, Any]) -> TunnelRow:
    return msgspec.convert(
        row
        | {
            "report": _report(row),
            "pools": tuple(filter(None, row["pools"].split(","))),
            "brings": bool(row["brings"]),
            "is_alive": bool(row["is_alive"]),
        },
        TunnelRow,
    )


def _report(row: dict[str, Any]) -> TunnelReport:
    try:
        return msgspec.json.decode(row["report"], type=TunnelReport)
    except msgspec.DecodeError:
        return TunnelReport(
            name=row["name"],
            state=TunnelState.HALTED,
            reason=(
                f"It runs Nightmill {row['version']}, which says what this version does not know;"
                " use that one here, too."
            ),
        )


#: Whether no work reaches host `h`, because of tunnel `t`: the one by which it comes has no lease
#: any more, and nothing has come since; or one by which its pool is reached is not up.
CUTS_OFF = """(
    (
        t.brings = 1 AND t.guard = h.guard AND t.lease_until <= {now}
        AND h.seen_at <= t.lease_until
    )
    OR (
        {position}(t.pools, ',' || h.pool || ',') > 0
        AND (t.lease_until <= {now} OR t.state <> 'up')
    )
)"""
_TAKE = Sql("""
INSERT INTO tunnels (name, session, epoch, guard, brings, pools, machine, version, state, report,
    started_at, seen_at, lease_until)
VALUES (:name, :session, 1, :guard, :brings, :pools, :machine, :version, :state, :report,
    {now}, {now}, {now} + :lease_s)
ON CONFLICT (name) DO UPDATE SET session = excluded.session, epoch = tunnels.epoch + 1,
    guard = excluded.guard, brings = excluded.brings, pools = excluded.pools,
    machine = excluded.machine, version = excluded.version, state = excluded.state,
    report = excluded.report, started_at = excluded.started_at, seen_at = excluded.seen_at,
    lease_until = excluded.lease_until
WHERE tunnels.session = excluded.session OR tunnels.lease_until <= {now}
    OR tunnels.guard = excluded.guard
RETURNING epoch
""")
_RENEW = Sql("""
UPDATE tunnels SET state = :state, report = :report, seen_at = {now},
    lease_until = {now} + :lease_s
WHERE name = :name AND session = :session
""")
_LEAVE = Sql("DELETE FROM tunnels WHERE name = :name AND session = :session AND pools = ','")
_END = Sql("""
UPDATE tunnels SET state = :state, report = :report, brings = 0, seen_at = {now},
    lease_until = {now}
WHERE name = :name AND session = :session
""")
_FORGET = Sql("DELETE FROM tunnels WHERE name = :name AND lease_until <= {now}")
_FORGET_OTHERS = Sql(
    "DELETE FROM tunnels WHERE guard = :guard AND lease_until <= {now}"
    " AND name NOT IN {configured}",
    configured="name",
)
_COLUMNS = """
t.name, t.session, t.epoch, t.guard, t.brings, t.pools, t.machine, t.version, t.report,
t.started_at, {now} - t.seen_at AS silent_s,
CASE WHEN t.lease_until > {now} THEN 1 ELSE 0 END AS is_alive
"""
_LISTING = Sql("SELECT {columns} FROM tunnels AS t ORDER BY t.name", {"columns": _COLUMNS})
_CUT_OFF = Sql(
    "SELECT h.name AS host, {columns} FROM hosts AS h JOIN tunnels AS t ON {cuts_off}"
    " ORDER BY h.name, t.name",
    {"columns": _COLUMNS, "cuts_off": CUTS_OFF},
)
