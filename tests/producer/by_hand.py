"""What the rest of Nightmill does with an input, done by hand: it is planned, answered, read."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.codes import ErrorCode
from jobs.model import Claimed, Endpoint, Outcome
from jobs.states import JobState
from jobs.store import dispatch, running
from jobs.store.store import Store
from producer.export import write_results
from producer.inputs import as_inputs
from producer.lines import LineParser, ModelChoice
from producer.overrides import Overrides
from producer.plan import ResultKind, SubmitPlan
from producer.raw import Line
from producer.submit import Submitted, submit

DEMO = ModelChoice("demo", "mlx")
QWEN = ModelChoice("qwen", "ollama")
NOMIC = ModelChoice("nomic", "ollama")
MODELS: dict[Endpoint, dict[str, ModelChoice]] = {
    "chat": {"auto": DEMO, "demo": DEMO, "qwen": QWEN},
    "embeddings": {"auto": NOMIC, "nomic": NOMIC},
}


def resolve(name: str, endpoint: Endpoint) -> ModelChoice | None:
    return MODELS[endpoint].get(name)


def resolve_chats_only(name: str, endpoint: Endpoint) -> ModelChoice | None:
    return resolve(name, endpoint) if endpoint == "chat" else None


def parser(**flags: Any) -> LineParser:
    return LineParser(DEMO, Overrides(**flags), resolve)


def line(value: object, number: int = 1) -> Line:
    """A line as the reader gives it; anything but bytes is written as JSON."""
    return Line(number, value if isinstance(value, bytes) else json.dumps(value).encode())


def openai_line(custom_id: str = "a", **body: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hi"}]
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "demo", "messages": messages} | body,
    }


def wanting(schema: object) -> dict[str, Any]:
    """OpenAI's way to ask for answers that fit a schema."""
    return {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}


def embeddings_line(custom_id: str = "a", **body: Any) -> dict[str, Any]:
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/embeddings",
        "body": {"model": "nomic", "input": "hi"} | body,
    }


def write_input(path: Path, *lines: object) -> Path:
    path.write_bytes(b"".join(line(value).data + b"\n" for value in lines))
    return path


def plan(source: Path | Sequence[Path], output: Path | None = None, **more: Any) -> SubmitPlan:
    reading = {name: more.pop(name) for name in ("input_format", "encoding") if name in more}
    inputs = as_inputs([source] if isinstance(source, Path) else source, **reading)
    flags = {name: more.pop(name) for name in list(more) if name in Overrides.__struct_fields__}
    settings = {"choice": DEMO, "resolve_model": resolve, **more}
    return SubmitPlan(inputs=inputs, output=output, overrides=Overrides(**flags), **settings)


def submitted(store: Store, wanted: SubmitPlan, **more: Any) -> Submitted:
    """Submit without pauses; the locks lie beside the input."""
    more = {"sleep": lambda _: None, **more}
    return submit(store, wanted, wanted.inputs[0].path.parent, **more)


def answer_all(store: Store, **outcome: Any) -> list[str]:
    """Run every pending job; the prompts that were run, each answered with itself backwards."""
    prompts = []
    for pool in (DEMO.pool, QWEN.pool):
        with store.write() as c:
            hints = dispatch.dispatch(c, pool, 1000)
            claimed = running.claim(c, "session", "host", hints, 60)
        with store.write(durable=True) as c:
            running.record(c, [_outcome(job, pool, outcome) for job in claimed])
        prompts += [_prompt(job) for job in claimed]
    return prompts


def refuse_all(store: Store, code: ErrorCode = ErrorCode.REFUSED) -> None:
    """Run every pending job and have it refused."""
    failed = {"text": None, "finish_reason": None, "state": JobState.FAILED}
    answer_all(store, error_code=code, error_message="It said no.", **failed)


def results_of(store: Store, batch_id: str, kind: ResultKind | None = None) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    number = write_results(store, batch_id, stream, kind)
    lines = stream.getvalue().split(b"\n")
    assert lines.pop() == b""
    assert number == len(lines)
    return [json.loads(line) for line in lines]


def _prompt(job: Claimed) -> str:
    prompt: str = json.loads(job.body)["messages"][-1]["content"]
    return prompt


def _outcome(job: Claimed, pool: str, more: dict[str, Any]) -> Outcome:
    known = {
        "job_id": job.job_id,
        "batch_id": job.batch_id,
        "run": job.run,
        "epoch": job.epoch,
        "attempt": job.attempt,
        "session": "session",
        "host": "host",
        "pool": pool,
        "model": "demo",
        "state": JobState.SUCCEEDED,
        "started_at": job.started_at,
        "text": _prompt(job)[::-1],
        "finish_reason": "stop",
        "input_tokens": 3,
        "output_tokens": 2,
    }
    return Outcome(**{**known, **more})
