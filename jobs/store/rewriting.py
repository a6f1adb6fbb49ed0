"""Failed rows are given to another model before they are tried again."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from jobs.errors import UsageError
from jobs.model import Endpoint
from jobs.store.dialect import Sql

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Heir(msgspec.Struct, frozen=True, kw_only=True):
    """The model that does from now on what another one failed at."""

    model: str
    pool: str
    #: What it can do.
    endpoints: tuple[Endpoint, ...]


def check(c: Connection, job_ids: Sequence[str], heir: Heir) -> None:
    """Raise `UsageError` where one of these jobs asks for what the heir cannot do."""
    for _, body in _BODIES(c, ids=job_ids):
        _for_heir(body, heir)


def give_to(c: Connection, job_ids: Sequence[str], heir: Heir) -> None:
    """Let these jobs be done by the heir from their next run on.

    The hash stays that of the request as its line asks for it: so the command that brought the
    rows in finds them unchanged, and they keep the answers that this model gives. Raises
    `UsageError` as `check` does.
    """
    requests = [(job_id, _for_heir(body, heir)) for job_id, body in _BODIES(c, ids=job_ids)]
    _REQUESTS(c, requests=requests)
    _JOBS(c, ids=job_ids, model=heir.model, pool=heir.pool)


def _for_heir(body: str, heir: Heir) -> str:
    request = _fields_of(body)
    endpoint = msgspec.json.decode(request.get("endpoint", b'"chat"'))
    if endpoint not in heir.endpoints:
        raise UsageError(
            f"The failed rows ask for {endpoint}, and {heir.model} does"
            f" {' and '.join(heir.endpoints)} only. Name another model; see `nightmill models`."
        )
    request["model"] = msgspec.Raw(_encode(heir.model))
    return _encode(request).decode()


_BODIES = Sql("SELECT job_id, body FROM requests WHERE job_id IN {ids}", ids="id")
_REQUESTS = Sql(
    "UPDATE requests SET body = q.body FROM {requests} AS q WHERE job_id = q.id",
    requests="id text, body text",
)
_JOBS = Sql("UPDATE jobs SET model = :model, pool = :pool WHERE id IN {ids}", ids="id")
