"""Work for our side of a bench: a batch that is all in the store and waits."""

from collections.abc import Iterable
from itertools import islice

import msgspec

from jobs import ids
from jobs.model import GenerationRequest, NewBatch, NewJob, request_hash
from jobs.store import batches, ingest
from jobs.store.store import Store

_CHUNK = 2_000


def submit_requests(store: Store, pool: str, requests: Iterable[GenerationRequest]) -> str:
    """Store requests as a batch of rows; its id."""
    batch_id = ids.batch_id()
    lines = (_line(number, pool, request) for number, request in enumerate(requests, start=1))
    with store.write(durable=True) as c:
        batches.create(c, batch_id, new_batch(batch_id, pool))
    while chunk := list(islice(lines, _CHUNK)):
        with store.write(durable=True) as c:
            ingest.add(c, batch_id, 1, chunk)
    with store.write(durable=True) as c:
        batches.finish_ingest(c, batch_id, "bench")
    return batch_id


def new_batch(batch_id: str, pool: str) -> NewBatch:
    """A batch like a user's, for one pool."""
    return NewBatch(
        name="bench",
        run_key=batch_id,
        source="bench",
        output="",
        into="response",
        options={},
        model="bench",
        pool=pool,
    )


def _line(number: int, pool: str, request: GenerationRequest) -> NewJob:
    body = msgspec.json.encode(request)
    return NewJob(
        line=number,
        custom_id=f"row-{number}",
        kind="row",
        row='{"prompt":"bench"}',
        body=body.decode(),
        hash=request_hash(body),
        model=request.model,
        pool=pool,
    )
