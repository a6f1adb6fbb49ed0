"""Failed rows are given to another model before they are tried again."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from jobs.errors import UsageError
from jobs.model import Endpoint
from jobs.store.dialect import Sql

#: Rows whose requests are in memory at a time.
PAGE = 500

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def give_to(
    c: Connection, batch_id: str, *, model: str, pool: str, endpoints: tuple[Endpoint, ...]
) -> int:
    """Let the failed jobs of a batch be done by another model from their next run on; how many.

    The hash stays that of the request as its line asks for it: so the command that brought the
    rows in finds them unchanged, and they keep the answers that this model gives. Raises
    `UsageError` where a row asks for what the model cannot do (`endpoints` is what it can).
    """
    rewritten = 0
    for page in _pages(c, batch_id):
        requests = [(row.id, _for_model(row.body, model, endpoints)) for row in page]
        _REQUESTS(c, requests=requests)
        _JOBS(c, ids=[row.id for row in page], model=model, pool=pool)
        rewritten += len(page)
    return rewritten


def _pages(c: Connection, batch_id: str) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    line = 0
    while page := list(_PAGE(c, batch_id=batch_id, line=line, limit=PAGE).all()):
        yield page
        line = page[-1].line


def _for_model(body: str, model: str, endpoints: tuple[Endpoint, ...]) -> str:
    request = _fields_of(body)
    endpoint = msgspec.json.decode(request.get("endpoint", b'"chat"'))
    if endpoint not in endpoints:
        raise UsageError(
            f"The failed rows ask for {endpoint}, and {model} does {' and '.join(endpoints)} only."
            " Name another model; see `nightmill models`."
        )
    request["model"] = msgspec.Raw(_encode(model))
    return _encode(request).decode()


# One page after the other by line; two jobs of a batch never share one.
_PAGE = Sql("""
SELECT j.id, j.line, q.body FROM jobs AS j JOIN requests AS q ON q.job_id = j.id
WHERE j.batch_id = :batch_id AND j.state = 'failed' AND j.line > :line
    AND j.run > 0 AND j.revision > 0
ORDER BY j.line LIMIT :limit
""")
_REQUESTS = Sql(
    "UPDATE requests SET body = q.body FROM {requests} AS q WHERE job_id = q.id",
    requests="id text, body text",
)
_JOBS = Sql("UPDATE jobs SET model = :model, pool = :pool WHERE id IN {ids}", ids="id")
