"""Values to try things out on."""

from jobs.model import Batch
from jobs.states import BatchState

BATCH = Batch(
    id="b-1",
    name="in.jsonl",
    state=BatchState.OPEN,
    run_key="k",
    source="in.jsonl",
    source_hash="",
    output="",
    into="response",
    options={},
    model="demo",
    pool="mlx",
    files=(),
    revision=1,
    priority=0,
    data_class="local",
    created_at=0.0,
    finished_at=None,
    jobs_per_s=4.0,
    tokens_per_s=120.5,
    paused_reason=None,
    paused_until=None,
    paused_by="",
    max_failures=0.5,
    max_running=None,
    deadline=None,
    notify=False,
)
