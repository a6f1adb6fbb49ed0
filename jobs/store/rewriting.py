"""Jobs that have not started are asked for otherwise: by another model, or with more room."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from jobs.context import refuse_beyond
from jobs.errors import UsageError
from jobs.model import Endpoint
from jobs.store.dialect import Sql

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Heir(msgspec.Struct, frozen=True, kw_only=True):
    """The model that does from now on what another one was to do."""

    model: str
    pool: str
    #: What it can do.
    endpoints: tuple[Endpoint, ...]


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in the requests of jobs; None leaves it as it is."""

    heir: Heir | None = None
    #: Tokens that each answer may have.
    max_tokens: int | None = None
    #: By model, tokens of prompt and answer beyond which it refuses a request.
    rooms: Mapping[str, int] = {}

    @property
    def is_any(self) -> bool:
        """Whether anything changes."""
        return self.heir is not None or self.max_tokens is not None


def check(c: Connection, job_ids: Sequence[str], rewrite: Rewrite) -> None:
    """Raise `UsageError` where one of these jobs would ask for what its model cannot do."""
    for _, body in _BODIES(c, ids=job_ids):
        _rewritten(body, rewrite)


def apply(c: Connection, job_ids: Sequence[str], rewrite: Rewrite) -> None:
    """Let these jobs be done as the rewrite says when they start next.

    The hash stays that of the request as its line asks for it: so the command that brought the
    rows in finds them unchanged, and they keep the answers that come of it. Raises `UsageError`
    as `check` does.
    """
    requests = [(job_id, _rewritten(body, rewrite)) for job_id, body in _BODIES(c, ids=job_ids)]
    _REQUESTS(c, requests=requests)
    if rewrite.heir is not None:
        _JOBS(c, ids=job_ids, model=rewrite.heir.model, pool=rewrite.heir.pool)


def _rewritten(body: str, rewrite: Rewrite) -> str:
    request = _fields_of(body)
    if (heir := rewrite.heir) is not None:
        endpoint = msgspec.json.decode(request.get("endpoint", b'"chat"'))
        if endpoint not in heir.endpoints:
            raise UsageError(
                f"Rows ask for {endpoint}, and {heir.model} does {' and '.join(heir.endpoints)}"
                " only. Name another model; see `nightmill models`."
            )
        request["model"] = msgspec.Raw(_encode(heir.model))
    if rewrite.max_tokens is not None:
        model = msgspec.json.decode(request.get("model", b'""'), type=str)
        refuse_beyond(rewrite.max_tokens, model, rewrite.rooms.get(model, 0))
        request["max_tokens"] = msgspec.Raw(_encode(rewrite.max_tokens))
    return _encode(request).decode()


_BODIES = Sql("SELECT job_id, body FROM requests WHERE job_id IN {ids}", ids="id")
_REQUESTS = Sql(
    "UPDATE requests SET body = q.body FROM {requests} AS q WHERE job_id = q.id",
    requests="id text, body text",
)
_JOBS = Sql("UPDATE jobs SET model = :model, pool = :pool WHERE id IN {ids}", ids="id")
