"""A large batch in mid-run, made by the database itself: a million jobs in seconds."""

from sqlalchemy import Connection, text

from jobs import ids
from jobs.store import batches
from jobs.store.counters import Deltas
from jobs.store.store import Store
from nightmill.bench.batch import new_batch

#: Deltas that the dispatcher has not folded yet: those of a busy second.
UNFOLDED = 200


def fill(store: Store, jobs: int) -> str:
    """Make a batch of so many jobs, most of them done; its id."""
    batch_id = ids.batch_id()
    with store.write() as c:
        batches.create(c, batch_id, new_batch(batch_id, "null"))
        c.execute(_JOBS, {"id": batch_id, "jobs": jobs})
        c.execute(_RESULTS, {"id": batch_id})
        _count(c, batch_id)
        batches.finish_ingest(c, batch_id, "bench")
        if c.dialect.name != "sqlite":
            c.execute(text("ANALYZE jobs, results, counters"))
    return batch_id


def add_texts(store: Store, batch_id: str, size: int) -> None:
    """Give each job of a filled batch a prompt, and each that has none an answer, of so many
    characters.
    """
    with store.write() as c:
        for statement in (_PROMPTS, _ANSWERS):
            c.execute(statement, {"id": batch_id, "text": "x" * size})
        if c.dialect.name != "sqlite":
            c.execute(text("ANALYZE requests, results"))


def _count(c: Connection, batch_id: str) -> None:
    """Write the counts in as many parts as a busy second would."""
    counts = c.execute(_COUNTS, {"id": batch_id}).all()
    for part in range(UNFOLDED):
        deltas = Deltas()
        for state, jobs in counts:
            deltas.move(
                batch_id, None, state, jobs * (part + 1) // UNFOLDED - jobs * part // UNFOLDED
            )
        deltas.write(c)


_JOBS = text("""
INSERT INTO jobs (id, batch_id, line, custom_id, kind, state, run, epoch, attempt, model, pool,
    priority, data_class, revision)
WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :jobs)
SELECT CAST(:id AS text) || '-' || CAST(10000000 + i AS text), :id, i, 'row-' || i, 'row',
    CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 10 = 5 THEN 'pending' ELSE 'succeeded' END,
    1, 1, 1, 'bench', 'null', 0, 'local', 1
FROM numbers
""")
_RESULTS = text("""
INSERT INTO results (job_id, run, state, model, error_code, error_message, finished_at)
SELECT id, run, state, model, 'backend_failed', 'The backend failed.', 0
FROM jobs WHERE batch_id = :id AND state = 'failed'
""")
_PROMPTS = text("""
INSERT INTO requests (job_id, hash, body, "row")
SELECT id, id, :text || id, '{}' FROM jobs WHERE batch_id = :id
""")
_ANSWERS = text("""
INSERT INTO results (job_id, run, state, model, text, finished_at)
SELECT id, run, state, model, :text || id, 0
FROM jobs WHERE batch_id = :id AND state = 'succeeded'
""")
_COUNTS = text("SELECT state, count(*) FROM jobs WHERE batch_id = :id GROUP BY state")
