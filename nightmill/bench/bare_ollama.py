"""The peer of the ollama bench: what one would write in an afternoon."""

import asyncio
import json
from collections.abc import Sequence

import httpx2


async def ask_all(url: str, bodies: Sequence[bytes], at_once: int) -> list[str]:
    """The answers to all bodies, in their order."""
    answers = [""] * len(bodies)
    rest = iter(enumerate(bodies))
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx2.AsyncClient(trust_env=False, timeout=600, limits=limits) as client:

        async def work() -> None:
            for number, body in rest:
                answers[number] = await _ask(client, url, body)

        await asyncio.gather(*(work() for _ in range(at_once)))
    return answers


async def _ask(client: httpx2.AsyncClient, url: str, body: bytes) -> str:
    async with client.stream("POST", url, content=body) as response:
        response.raise_for_status()
        lines = [json.loads(line) async for line in response.aiter_lines()]
    return "".join(line["message"]["content"] for line in lines)
