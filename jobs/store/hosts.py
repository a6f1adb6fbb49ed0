"""The live registry: which session serves which pool on which machine."""

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql

#: Seconds after which a host that was not heard of gets no more work.
ALIVE_S = 30.0


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a host from serving anybody; over with its next answer."""

    #: For people; never holds a prompt or an answer.
    text: str
    #: For how many seconds it claims nothing more; None is until somebody has looked.
    parked_s: float | None


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """That a host, or a whole pool, begins nothing, so that its owner has the machine."""

    because: Literal["hours", "paused"]
    #: Seconds since the epoch; None is until somebody resumes it.
    until: float | None
    #: What was said when it was paused; a host does not say.
    reason: str = ""


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host as it announced itself."""

    #: Unique among all hosts; the operating system's lock keeps a second process from using it.
    name: str
    session: str
    pool: str
    slots: int
    models: tuple[str, ...]
    #: What machine it is, for people: chip and memory.
    machine: str
    #: Nightmill's version.
    version: str
    #: The id of the folder whose lock guards the name, so that two machines can be told apart.
    guard: str = ""
    #: Versions of what it runs on, by name.
    software: dict[str, str] = {}
    #: Seconds since the epoch, by the store's clock, which also sets them.
    started_at: float = 0.0
    seen_at: float = 0.0
    #: Seconds since it was seen.
    silent_s: float = 0.0
    #: What its backend suffers from, and for how many seconds; None while it is well.
    trouble: str | None = None
    troubled_s: float | None = None
    #: Whether it waits until somebody has looked.
    is_out: bool = False
    #: Why it rests, while it does.
    rest: Rest | None = None


def announce(c: Connection, host: HostRow) -> bool:
    """Enter a host, in the place of an earlier session of the same name.

    False where one lives that another folder's lock guards: the name is taken on another machine.
    """
    return _ANNOUNCE(c, alive_s=ALIVE_S, **_values(host)).rowcount == 1


def enter_again(c: Connection, host: HostRow) -> bool:
    """Enter a host whose entry went missing; False where another session has its name now."""
    return _ENTER(c, **_values(host)).rowcount == 1


def seen(
    c: Connection,
    name: str,
    session: str,
    trouble: Trouble | None = None,
    rest: Rest | None = None,
) -> bool:
    """Note that a session lives, what it suffers from, and whether it rests; False when another
    has its name now.
    """
    text, parked_s = (None, None) if trouble is None else (trouble.text, trouble.parked_s)
    values = {"name": name, "session": session, "trouble": text, "parked_s": parked_s}
    return _SEEN(c, **values, **_of_rest(rest)).rowcount == 1


def was_seen_since(c: Connection, name: str, when: float) -> bool:
    """Whether a host of this name was seen at `when`, in seconds since the epoch, or later."""
    return bool(_SEEN_SINCE(c, name=name, when=when).scalar_one())


def find(c: Connection, name: str) -> HostRow | None:
    """The host of this name, dead or alive."""
    return next((host for host in listing(c) if host.name == name), None)


def leave(c: Connection, name: str, session: str) -> None:
    """Take a session's entry out; an entry of another session stays."""
    _LEAVE(c, name=name, session=session)


def sessions_of(c: Connection, name: str) -> list[str]:
    """The sessions that a host left behind: the one it announced, and all whose jobs still run
    under its name.
    """
    return sorted(_SESSIONS(c, name=name).scalars())


def listing(c: Connection) -> list[HostRow]:
    """All hosts that have not left, by name; `seen_at` tells which of them live."""
    return [_host(row._asdict()) for row in _LISTING(c)]


def living(c: Connection) -> list[HostRow]:
    """The hosts that were heard of lately, by name."""
    return [host for host in listing(c) if host.silent_s < ALIVE_S]


def running(c: Connection) -> dict[str, int]:
    """How many jobs run on each host, by its name."""
    return {row.host: row.jobs for row in _RUNNING(c)}


def models_running(c: Connection) -> list[tuple[str, str]]:
    """Pool and model of the jobs that run now, each once: these models are in memory."""
    return [tuple(row) for row in _MODELS_RUNNING(c)]


def _values(host: HostRow) -> dict[str, str | float | None]:
    return _of_rest(host.rest) | {
        "name": host.name,
        "session": host.session,
        "pool": host.pool,
        "slots": host.slots,
        "models": msgspec.json.encode(host.models).decode(),
        "machine": host.machine,
        "version": host.version,
        "guard": host.guard,
        "software": msgspec.json.encode(host.software).decode(),
    }


def _of_rest(rest: Rest | None) -> dict[str, str | float | None]:
    if rest is None:
        return {"rests_because": None, "rests_until": None}
    return {"rests_because": rest.because, "rests_until": rest.until}


def _host(row: dict[str, Any]) -> HostRow:
    values = row | {key: msgspec.json.decode(row[key]) for key in ("models", "software")}
    because, until = values.pop("rests_because"), values.pop("rests_until")
    values["rest"] = None if because is None else {"because": because, "until": until}
    return msgspec.convert(values | {"is_out": bool(row["is_out"])}, HostRow)


_ENTRY = """
INSERT INTO hosts (name, session, pool, slots, models, machine, version, guard, software,
    started_at, seen_at, rests_because, rests_until)
VALUES (:name, :session, :pool, :slots, :models, :machine, :version, :guard, :software,
    {now}, {now}, :rests_because, CAST(:rests_until AS DOUBLE PRECISION))
"""
_ENTER = Sql(_ENTRY + "ON CONFLICT (name) DO NOTHING")
_ANNOUNCE = Sql(
    _ENTRY
    + """
ON CONFLICT (name) DO UPDATE SET session = excluded.session, pool = excluded.pool,
    slots = excluded.slots, models = excluded.models, machine = excluded.machine,
    version = excluded.version, guard = excluded.guard, software = excluded.software,
    started_at = excluded.started_at, seen_at = excluded.seen_at,
    trouble = NULL, troubled_since = NULL, parked_until = NULL,
    rests_because = excluded.rests_because, rests_until = excluded.rests_until
WHERE hosts.guard IN ('', excluded.guard) OR hosts.seen_at <= {now} - :alive_s
"""
)
_SEEN = Sql("""
UPDATE hosts SET seen_at = {now}, trouble = CAST(:trouble AS TEXT),
    troubled_since = CASE
        WHEN CAST(:trouble AS TEXT) IS NOT NULL THEN coalesce(troubled_since, {now})
    END,
    parked_until = {now} + CAST(:parked_s AS DOUBLE PRECISION),
    rests_because = CAST(:rests_because AS TEXT),
    rests_until = CAST(:rests_until AS DOUBLE PRECISION)
WHERE name = :name AND session = :session
""")
_SEEN_SINCE = Sql("SELECT count(*) FROM hosts WHERE name = :name AND seen_at >= :when")
_LEAVE = Sql("DELETE FROM hosts WHERE name = :name AND session = :session")
_SESSIONS = Sql("""
SELECT session FROM hosts WHERE name = :name
UNION
SELECT j.session FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.host = :name
""")
_RUNNING = Sql("""
SELECT j.host, count(*) AS jobs FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.host IS NOT NULL GROUP BY j.host
""")
_MODELS_RUNNING = Sql("""
SELECT DISTINCT j.pool, j.model FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' ORDER BY j.pool, j.model
""")
_LISTING = Sql(
    "SELECT name, session, pool, slots, models, machine, version, guard, software, started_at,"
    " seen_at, trouble, rests_because, rests_until,"
    " {now} - seen_at AS silent_s, {now} - troubled_since AS troubled_s,"
    " CASE WHEN trouble IS NOT NULL AND parked_until IS NULL THEN 1 ELSE 0 END AS is_out"
    " FROM hosts ORDER BY name"
)
