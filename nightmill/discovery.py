"""Model servers on this machine, where no pools are configured: an Ollama, and one with `/v1`.

Only loopback is asked, and only a server that is known to compute here itself is taken: what
merely speaks OpenAI's protocol may be a gateway to somewhere else, and has to be configured.
"""

import asyncio
import socket
from collections.abc import Callable, Container, Mapping
from typing import Any

from jobs.settings import Settings
from nightmill.aside import run_aside

#: Of Ollama. Its neighbour 11435 is the far end of our own tunnel, and never asked.
OLLAMA_PORT = 11434
#: Of mlx_lm.server and llama-server, of LM Studio, and of vLLM, in the order of preference.
OPENAI_PORTS = (8080, 1234, 8000)

#: Seconds; a server on this machine that is well answers at once.
_CONNECT_S = 0.2
_ANSWER_S = 1.0

#: What servers that compute themselves say of whom their models belong to.
_OWNERS = frozenset({"llamacpp", "vllm", "organization_owner", "organization-owner"})
#: mlx_lm.server says nothing of owners, nor anything else that others say.
_MLX_FIELDS = frozenset({"id", "object", "created"})


def find_servers(
    settings: Settings, ollama_port: int = OLLAMA_PORT, openai_ports: tuple[int, ...] = OPENAI_PORTS
) -> dict[str, str]:
    """The URLs of the servers that were found, by the pools that they make."""
    if not may_look(settings):
        return {}
    # What nobody listens to is not worth loading a client for.
    ollamas, others = _listening((ollama_port,)), _listening(openai_ports)
    return run_aside(_ask(ollamas, others)) if ollamas or others else {}


def may_look(settings: Settings) -> bool:
    """Whether servers are looked for at all."""
    return settings.discover and not settings.names_pools


def newcomers(found: Mapping[str, str], pools: Container[str]) -> dict[str, str]:
    """Of the servers found by a later look, those that make a pool which there is not yet.

    A pool keeps the server that it has: that may only be away for a moment, and what waits for it
    was handed in for that one.
    """
    return {pool: url for pool, url in found.items() if pool not in pools}


def is_ollama(answer: Any) -> bool:
    """Whether this is what an Ollama says at `/api/version`."""
    return isinstance(answer, dict) and isinstance(answer.get("version"), str)


def is_local_engine(answer: Any) -> bool:
    """Whether this is the list of models of a server that computes on its own machine."""
    models = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(models, list) and bool(models) and all(map(_is_local, models))


def _is_local(model: Any) -> bool:
    if not isinstance(model, dict) or not isinstance(model.get("id"), str):
        return False
    return model.get("owned_by") in _OWNERS or model.keys() == _MLX_FIELDS


def _listening(ports: tuple[int, ...]) -> list[int]:
    return [port for port in ports if _listens(port)]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), _CONNECT_S).close()
    except OSError:
        return False
    return True


async def _ask(ollama_ports: list[int], openai_ports: list[int]) -> dict[str, str]:
    ollamas, servers = await asyncio.gather(
        _answering(ollama_ports, "/api/version", is_ollama),
        _answering(openai_ports, "/v1/models", is_local_engine),
    )
    found = {"ollama": ollamas, "openai": servers}
    return {pool: urls[0] for pool, urls in found.items() if urls}


async def _answering(ports: list[int], path: str, fits: Callable[[Any], bool]) -> list[str]:
    """The URLs of those whose answer fits."""
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    answers = await asyncio.gather(*(_answer(url, path) for url in urls))
    return [url for url, answer in zip(urls, answers, strict=True) if fits(answer)]


async def _answer(url: str, path: str) -> Any:
    """The JSON at a path; None where there is none."""
    from backends.errors import BackendError
    from backends.http import ModelServer
    from backends.watch import Timeouts

    server = ModelServer(url, slots=1, ping=path, timeouts=Timeouts())
    await server.open()
    try:
        return await server.get_json(path, _ANSWER_S)
    except BackendError:
        return None
    finally:
        await server.close()
