"""Requests as the tests make them, and waiting for what comes of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import psutil

from backends.base import Backend
from jobs.model import GenerationRequest, GenerationResult, Message


def ask(text: str, model: str, **options: Any) -> GenerationRequest:
    """A request of one user message."""
    return GenerationRequest(model=model, messages=(Message("user", text),), **options)


def ignore(_tokens: int) -> None:
    """Progress that nobody looks at."""


async def answer(backend: Backend, request: GenerationRequest) -> GenerationResult:
    """The answer within a minute."""
    return await asyncio.wait_for(backend.generate(request, ignore), 60)


async def answers(backend: Backend, requests: list[GenerationRequest]) -> list[GenerationResult]:
    """The answers to many requests at once, in their order."""
    return await asyncio.gather(*(answer(backend, request) for request in requests))


async def begun(backend: Backend, request: GenerationRequest) -> "asyncio.Task[GenerationResult]":
    """A generation that has its first tokens."""
    has_tokens = asyncio.Event()

    async def generate() -> GenerationResult:
        return await backend.generate(request, lambda _tokens: has_tokens.set())

    task = asyncio.create_task(generate())
    first = asyncio.create_task(has_tokens.wait())
    done, _ = await asyncio.wait({task, first}, timeout=60, return_when="FIRST_COMPLETED")
    assert first in done, f"expected tokens first, got {done}"
    return task


async def until(condition: Callable[[], Any]) -> None:
    """Let the event loop run until a condition holds, half a minute at most."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (processes set no events)
            await asyncio.sleep(0.02)


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended; nobody may be there to reap it, it is gone all the same."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
