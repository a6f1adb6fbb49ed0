"""The tables, for SQLite and Postgres alike.

Hot and narrow `jobs` apart from wide `requests` and `results`. Times are seconds since the epoch
by the database's clock. The scripts in `migrations/` build the same; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")
_ZERO = text("0")

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("run_key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("source_hash", Text, nullable=False, server_default=""),
    Column("output", Text, nullable=False),
    Column("into_field", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("data_class", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("jobs_per_s", Double, nullable=False, server_default=_ZERO),
    Column("tokens_per_s", Double, nullable=False, server_default=_ZERO),
    # When its final results were last written to `output`; another end makes it count no more.
    Column("delivered_at", Double),
    # Why nothing of it is handed out for now; null while it runs.
    Column("paused_reason", Text),
    # The share of failures among its last rows above which it is paused; 1 is never.
    Column("max_failures", Double, nullable=False, server_default=text("0.5")),
    # The input's files as JSON: their names, the prefixes of their ids, and where each begins.
    Column("files", Text, nullable=False, server_default="[]"),
    # Until when it is paused; null with a reason is until somebody resumes it. And by whom:
    # `brake` where too much of it failed, else a user.
    Column("paused_until", Double),
    Column("paused_by", Text, nullable=False, server_default=""),
    # How many of its jobs may be dispatched or running at once; null is as many as there is room.
    Column("max_running", Integer),
    # What is not done by then expires.
    Column("deadline", Double),
    # 1: its owner wants to be told how it ends, or that it is paused.
    Column("notify", Integer, nullable=False, server_default=_ZERO),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("batch_id", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("custom_id", Text),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    # 0 for a line that could not be read: it is an error record and never runs.
    Column("run", Integer, nullable=False),
    Column("epoch", Integer, nullable=False, server_default=_ZERO),
    # What the epoch was when this run was opened: hints up to it are of an earlier run.
    Column("run_epoch", Integer, nullable=False, server_default=_ZERO),
    Column("attempt", Integer, nullable=False, server_default=_ZERO),
    Column("errors", Integer, nullable=False, server_default=_ZERO),
    Column("crashes", Integer, nullable=False, server_default=_ZERO),
    Column("suspect", Integer, nullable=False, server_default=_ZERO),
    Column("model", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("data_class", Text, nullable=False),
    Column("session", Text),
    Column("host", Text),
    Column("lease_until", Double),
    Column("not_before", Double, nullable=False, server_default=_ZERO),
    Column("dispatched_at", Double),
    Column("started_at", Double),
    # The reading of the input in which the row was last seen; 0 when it was taken out.
    Column("revision", Integer, nullable=False),
    # Without it every insert would write a second tree, only to find rows by their id.
    sqlite_with_rowid=False,
)


def _partial(name: str, where: str, *columns: str, unique: bool = False) -> Index:
    return Index(
        name,
        *(jobs.c[column] for column in columns),
        unique=unique,
        sqlite_where=text(where),
        postgresql_where=text(where),
    )


Index("jobs_line", jobs.c.batch_id, jobs.c.line)
_partial("jobs_custom_id", "run > 0", "batch_id", "custom_id", unique=True)
_partial("jobs_pending", "state = 'pending'", "batch_id", "pool", "suspect", "line")
_partial(
    # With all that is asked of it many times a second, so that this needs no look at the rows.
    "jobs_in_flight",
    "state IN ('dispatched', 'running')",
    "pool",
    "batch_id",
    "state",
    "suspect",
)
_partial("jobs_failed", "state = 'failed'", "batch_id", "line")

requests = Table(
    "requests",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("body", Text),
    Column("row", Text),
)

results = Table(
    "results",
    metadata,
    Column("job_id", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("text", Text),
    Column("reasoning", Text),
    Column("finish_reason", Text),
    Column("model", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False, server_default=_ZERO),
    Column("output_tokens", Integer, nullable=False, server_default=_ZERO),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("finished_at", Double, nullable=False),
    # What `text` is: `text`, `json` (an answer to a schema) or `vector` (an embedding, as JSON).
    Column("form", Text, nullable=False, server_default="text"),
    PrimaryKeyConstraint("job_id", "run"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("session", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text),
    Column("input_tokens", Integer, nullable=False, server_default=_ZERO),
    Column("output_tokens", Integer, nullable=False, server_default=_ZERO),
    PrimaryKeyConstraint("job_id", "run", "attempt"),
    sqlite_with_rowid=False,
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("session", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("models", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    # Why its backend serves nobody, for people, and since when; null while it is well.
    Column("trouble", Text),
    Column("troubled_since", Double),
    # Until when it claims nothing; null with trouble is until somebody has looked.
    Column("parked_until", Double),
    # The id of the folder whose lock guards the name: where that lock is free, it is dead.
    Column("guard", Text, nullable=False, server_default=""),
    # Versions of what it runs on, by name, as JSON.
    Column("software", Text, nullable=False, server_default="{}"),
    # Until when it lets its machine rest, and why: `hours` or `paused`; null while it works.
    # A rest whose end nobody knows has no time, but a reason.
    Column("rests_until", Double),
    Column("rests_because", Text),
)

# What the hosts of a pool are to do; each of them reads its row every second.
pools = Table(
    "pools",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused", Integer, nullable=False, server_default=_ZERO),
    Column("paused_reason", Text),
    # Null is until somebody resumes it.
    Column("paused_until", Double),
)

# The tunnels by which hosts are reached, each with the lease that says that it lives.
tunnels = Table(
    "tunnels",
    metadata,
    Column("name", Text, primary_key=True),
    Column("session", Text, nullable=False),
    # How often it was taken up, by whichever process; an older one has to give way.
    Column("epoch", Integer, nullable=False),
    # The id of its machine's folder of locks.
    Column("guard", Text, nullable=False),
    # 1: the workers of its machine get to the store or the broker through it.
    Column("brings", Integer, nullable=False),
    # The pools whose work goes through it, each between commas: `,mlx,chat,`.
    Column("pools", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    # All that it says of itself, as JSON.
    Column("report", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("lease_until", Double, nullable=False),
)

# Who did what to a batch or a pool, for its history. `detail` is JSON and quotes no prompt.
actions = Table(
    "actions",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("batch_id", Text, nullable=False, server_default="", index=True),
    Column("pool", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default="{}"),
)

# What somebody is to be told of; gone once that was done, or given up.
notices = Table(
    "notices",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", Double, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    # By which way; empty until somebody has looked which ways there are.
    Column("channel", Text, nullable=False, server_default=""),
    Column("tries", Integer, nullable=False, server_default=_ZERO),
    Column("next_at", Double, nullable=False, server_default=_ZERO),
)

# Deltas, one row for each transaction and batch, so that no row is hot; `fold` merges them.
counters = Table(
    "counters",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("batch_id", Text, nullable=False, index=True),
    *(
        Column(name, BigInteger, nullable=False, server_default=_ZERO)
        for name in (
            "pending",
            "dispatched",
            "running",
            "succeeded",
            "failed",
            "cancelled",
            "expired",
            "cut",
            "input_tokens",
            "output_tokens",
        )
    ),
)

# What each recording added to the work of a pool, until the dispatcher makes a sample of it.
# Appended rather than added up, for the same reason as `counters`.
tallies = Table(
    "tallies",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("jobs", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
)

# What each pool did in the seconds up to `at`, kept by the dispatcher for charts.
samples = Table(
    "samples",
    metadata,
    Column("pool", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("jobs", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("queued", Integer, nullable=False),
    PrimaryKeyConstraint("pool", "at"),
    sqlite_with_rowid=False,
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("batch_id", Text, nullable=False, index=True),
    Column("job_id", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reserved", Double, nullable=False),
    Column("spent", Double),
    Column("currency", Text, nullable=False),
    Column("at", Double, nullable=False),
)
