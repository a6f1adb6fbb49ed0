"""The live registry: which session serves which pool on which machine."""

import msgspec
from sqlalchemy import Connection

from jobs.store.dialect import Sql

#: Seconds after which a host that was not heard of gets no more work.
ALIVE_S = 30.0


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
    #: Seconds since the epoch, by the store's clock, which also sets them.
    started_at: float = 0.0
    seen_at: float = 0.0
    #: Why it claims nothing now, for people, and until when; None while it is well.
    trouble: str | None = None
    parked_until: float | None = None


def announce(c: Connection, host: HostRow) -> None:
    """Enter a host, in the place of an earlier session of the same name."""
    values = msgspec.structs.asdict(host)
    models = msgspec.json.encode(host.models).decode()
    keep = ("name", "session", "pool", "slots", "machine", "version")
    _ANNOUNCE(c, models=models, **{key: values[key] for key in keep})


def seen(c: Connection, name: str, session: str) -> bool:
    """Note that a session lives; False when another one has its name by now."""
    return _SEEN(c, name=name, session=session).rowcount == 1


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
    rows = [row._asdict() for row in _LISTING(c)]
    return [
        msgspec.convert(row | {"models": msgspec.json.decode(row["models"])}, HostRow)
        for row in rows
    ]


_ANNOUNCE = Sql("""
INSERT INTO hosts (name, session, pool, slots, models, machine, version, started_at, seen_at)
VALUES (:name, :session, :pool, :slots, :models, :machine, :version, {now}, {now})
ON CONFLICT (name) DO UPDATE SET session = excluded.session, pool = excluded.pool,
    slots = excluded.slots, models = excluded.models, machine = excluded.machine,
    version = excluded.version, started_at = excluded.started_at, seen_at = excluded.seen_at
""")
_SEEN = Sql("UPDATE hosts SET seen_at = {now} WHERE name = :name AND session = :session")
_LEAVE = Sql("DELETE FROM hosts WHERE name = :name AND session = :session")
_SESSIONS = Sql("""
SELECT session FROM hosts WHERE name = :name
UNION
SELECT j.session FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' AND j.host = :name
""")
_LISTING = Sql(
    "SELECT name, session, pool, slots, models, machine, version, started_at, seen_at, trouble,"
    " parked_until FROM hosts ORDER BY name"
)
