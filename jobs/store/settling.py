"""A copy of a store begins its own life: nobody holds a job of it, and nobody is to blame."""

from sqlalchemy import Connection

from jobs.store.dialect import Sql
from jobs.store.dispatch import recall_dispatched
from jobs.store.recovery import RUNNING_COLUMNS, hand_back


def settle(c: Connection) -> int:
    """Put what ran or was handed out where the store was copied back to pending; how many.

    The hosts of that place are forgotten. Were they not, the first worker to come back under the
    name of one would take it for its own that has died, and charge its jobs with that. So are its
    tunnels: pools would wait for one that may never tell this store that it lives.
    """
    running = hand_back(c, _RUNNING(c).all())
    dispatched = sum(recall_dispatched(c, pool) for pool in _POOLS(c).scalars().all())
    _FORGET_HOSTS(c)
    _FORGET_TUNNELS(c)
    return running + dispatched


_RUNNING = Sql(
    """
SELECT {running_columns} FROM {jobs_in_flight}
WHERE {in_flight} AND j.state = 'running' ORDER BY j.id {lock}
""",
    {"running_columns": RUNNING_COLUMNS},
)
_POOLS = Sql("SELECT DISTINCT j.pool FROM {jobs_in_flight} WHERE {in_flight}")
_FORGET_HOSTS = Sql("DELETE FROM hosts")
_FORGET_TUNNELS = Sql("DELETE FROM tunnels")
