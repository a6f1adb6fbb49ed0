"""Jobs in a store, dispatched by hand, for tests of what a worker makes of them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text

from jobs import ids
from jobs.model import Claimed, GenerationRequest, Hint, Message, NewBatch, NewJob, request_hash
from jobs.store import batches, dispatch, ingest
from jobs.store.store import Store

POOL = "fake"


def body(prompt: str, model: str = "fake", **more: Any) -> str:
    request = GenerationRequest(model=model, messages=(Message("user", prompt),), **more)
    return msgspec.json.encode(request).decode()


def new_job(line: int, prompt: str, model: str = "fake", **more: Any) -> NewJob:
    request = body(prompt, model, **more)
    return NewJob(
        line=line,
        custom_id=f"row-{line}",
        kind="row",
        row="{}",
        body=request,
        hash=request_hash(request.encode()),
        model=model,
        pool=POOL,
    )


def submit(store: Store, prompts: Sequence[str], model: str = "fake", **more: Any) -> str:
    """A batch of these prompts, all of them pending; its id. `more` goes into each request."""
    batch_id = ids.batch_id()
    new = NewBatch(
        name="test",
        run_key=batch_id,
        source="test.jsonl",
        output="",
        into="response",
        options={},
        model=model,
        pool=POOL,
    )
    with store.write() as c:
        batch = batches.create(c, batch_id, new)
        jobs = [new_job(line, prompt, model, **more) for line, prompt in enumerate(prompts, 1)]
        ingest.add(c, batch_id, batch.revision, jobs)
        batches.finish_ingest(c, batch_id, "hash")
    return batch_id


def hand_out(store: Store, limit: int = 10_000) -> list[Hint]:
    """Dispatch what is pending; its hints."""
    with store.write() as c:
        return dispatch.dispatch(c, POOL, limit)


def ask(store: Store, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with store.read() as c:
        return [tuple(row) for row in c.execute(text(sql), values)]


def claimed(
    job_id: str = "j-1", *, prompt: str = "hi", errors: int = 0, crashes: int = 0, attempt: int = 1
) -> Claimed:
    """A claimed job that is in no store."""
    return Claimed(
        job_id=job_id,
        batch_id="b-1",
        run=1,
        epoch=1,
        attempt=attempt,
        errors=errors,
        started_at=0.0,
        crashes=crashes,
        body=body(prompt),
    )
