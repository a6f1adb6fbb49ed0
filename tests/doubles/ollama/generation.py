"""Answering chat and embed: queue, load, read the prompt, say a token at a time."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tests.doubles.ollama import answering, naming, options, prompt, says
from tests.doubles.ollama.http1 import Reply, Stream, json_reply
from tests.doubles.ollama.models import Model
from tests.doubles.ollama.record import Record
from tests.doubles.ollama.scheduler import Runner, Scheduler

CREATED_AT = "2026-11-20T00:00:00.0Z"


@dataclass(frozen=True)
class Engine:
    """What generation needs of its daemon."""

    scheduler: Scheduler
    record: Record
    #: 0 is at once.
    tokens_per_s: float
    #: How it says that a prompt is too long.
    kind: str


async def chat(engine: Engine, model: Model, body: dict[str, Any], name: str) -> Reply | Stream:
    """The answer to a chat, streamed unless that is not wanted."""
    if "completion" not in model.capabilities:
        raise says.error(400, f'"{name}" does not support chat')
    if body.get("tools") and "tools" not in model.capabilities:
        raise says.error(400, f"{naming.full(model.name)} does not support tools")
    lines = _chat_lines(engine, model, body, name)
    if body.get("stream", True):
        return Stream(_encoded(lines))
    return json_reply(_joined([line async for line in lines]))


async def _encoded(lines: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(lines):
        async for line in lines:
            yield json.dumps(line).encode() + b"\n"


async def embed(engine: Engine, model: Model, body: dict[str, Any], name: str) -> Reply:
    """The vectors of one or more texts."""
    if "embedding" not in model.capabilities:
        raise says.no_vectors(engine.kind)
    given = body.get("input") or []
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise says.error(400, "invalid input type")
    wanted = options.read_options(body.get("options"))
    alive = options.read_keep_alive(body.get("keep_alive"))
    began = time.monotonic_ns()
    # Embedding models have one slot, whatever is set.
    async with engine.scheduler.runner(model, min(wanted.num_ctx, model.context), alive) as runner:
        loaded = time.monotonic_ns()
        tokens = [prompt.count(text) for text in texts]
        most = runner.num_ctx
        if engine.kind == "llama-server":
            most = min(most, wanted.num_batch)
        if body.get("truncate") is False and any(n > most for n in tokens):
            raise says.error(400, says.TOO_LONG_FOR_OWN)
        counted = sum(min(n, most) for n in tokens)
    return json_reply(
        _without_zeros(
            {
                "model": name,
                "embeddings": [answering.vector(text) for text in texts],
                "total_duration": time.monotonic_ns() - began,
                "load_duration": loaded - began,
                "prompt_eval_count": counted,
            }
        )
    )


async def _chat_lines(
    engine: Engine, model: Model, body: dict[str, Any], name: str
) -> AsyncGenerator[dict[str, Any], None]:
    thinks = options.read_think(body.get("think"), model.capabilities, name)
    schema = options.read_format(body.get("format"), engine.kind)
    wanted = options.read_options(body.get("options"))
    alive = options.read_keep_alive(body.get("keep_alive"))
    began = time.monotonic_ns()
    num_ctx = min(wanted.num_ctx, model.context)
    messages = body.get("messages") or []
    if not messages and alive == 0:
        engine.scheduler.runners.pop(model.name, None)
        yield _line(name, "", done=True, done_reason="unload")
        return
    shift = body.get("shift", True)
    async with engine.scheduler.runner(model, num_ctx, alive, shift=shift) as runner:
        loaded = time.monotonic_ns()
        if not messages:
            yield _line(name, "", done=True, done_reason="load")
            return
        tokens = prompt.fit(
            messages, num_ctx, truncate=body.get("truncate", True), engine=engine.kind
        )
        said = 0
        # Closed at once where nobody listens any more, not when it is next swept up.
        async with aclosing(_tokens(engine, runner, messages, schema, thinks=thinks)) as coming:
            async for kind, token in coming:
                said += 1
                yield _line(name, token, kind=kind)
                if said >= _most(wanted, tokens):
                    break
        yield _line(
            name,
            "",
            done=True,
            done_reason="length" if said >= _most(wanted, tokens) else "stop",
            total_duration=time.monotonic_ns() - began,
            load_duration=loaded - began,
            prompt_eval_count=tokens,
            prompt_eval_duration=1000,
            eval_count=said,
            eval_duration=1000,
        )


async def _tokens(
    engine: Engine,
    runner: Runner,
    messages: list[dict[str, Any]],
    schema: dict[str, Any] | None,
    *,
    thinks: bool,
) -> AsyncGenerator[tuple[str, str], None]:
    record = engine.record
    async with runner.turns:
        record.running += 1
        record.most_running = max(record.most_running, record.running)
        try:
            for kind, token in _all_tokens(messages, schema, thinks=thinks):
                # Not even without a speed may one answer keep the others waiting.
                await asyncio.sleep(1 / engine.tokens_per_s if engine.tokens_per_s else 0)
                yield kind, token
        except asyncio.CancelledError:
            record.aborted_generations += 1
            raise
        finally:
            record.running -= 1


def _all_tokens(
    messages: list[dict[str, Any]], schema: dict[str, Any] | None, *, thinks: bool
) -> Iterator[tuple[str, str]]:
    if thinks:
        yield from (("thinking", token) for token in answering.THOUGHTS)
    for token in answering.answer(messages[-1]["content"], schema):
        yield "content", token


def _most(wanted: options.Options, prompt_tokens: int) -> int:
    most = wanted.num_predict if wanted.num_predict >= 0 else 10 * wanted.num_ctx
    return min(most, max(wanted.num_ctx - prompt_tokens, 1))


def _line(
    name: str, token: str, *, kind: str = "content", done: bool = False, **more: Any
) -> dict[str, Any]:
    turn = {"role": "assistant", "content": "", kind: token}
    line = {"model": name, "created_at": CREATED_AT, "message": turn, "done": done}
    return line | _without_zeros(more)


def _joined(lines: list[dict[str, Any]]) -> dict[str, Any]:
    turn = {"role": "assistant", "content": "".join(one["message"]["content"] for one in lines)}
    if thoughts := "".join(one["message"].get("thinking", "") for one in lines):
        turn["thinking"] = thoughts
    return lines[-1] | {"message": turn}


def _without_zeros(fields: dict[str, Any]) -> dict[str, Any]:
    # Go leaves out what is empty: a count of 0 is not there at all.
    return {name: value for name, value in fields.items() if value or isinstance(value, list)}
