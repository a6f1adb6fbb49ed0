"""The routes of a daemon, and what it says of itself and of its models."""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tests.doubles.ollama import cloud, generation, models, naming, options, says
from tests.doubles.ollama.http1 import Reply, Request, Stream, json_reply
from tests.doubles.ollama.models import Model

if TYPE_CHECKING:
    from tests.doubles.ollama.daemon import Daemon

Answer = Callable[[Request], Awaitable[Reply | Stream]]

FOREVER = "2318-01-01T00:00:00Z"
SOON = "2026-11-21T00:05:00Z"
_WITH_PROMPT = ("/api/chat", "/api/embed")
_NEEDS_POST = ("/api/show", "/api/chat", "/api/embed", "/api/generate")


class Routes:
    """Finds who answers a request."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon

    def find(self, request: Request) -> Answer:
        """What answers a request; some are refused before anybody looks at them."""
        if not _is_own_host(request.headers.get("host", "")):
            return _nothing(403)
        path, method = request.path, request.method
        if path in _NEEDS_POST and method != "POST":
            return _nothing(405)
        known: dict[str, Answer] = {
            "/": self._root,
            "/api/version": self._version,
            "/api/tags": self._tags,
            "/api/ps": self._ps,
            "/api/show": self._show,
            "/api/chat": self._chat,
            "/api/embed": self._embed,
        }
        if path == "/api/status" and self._has(models.STATUS_SINCE):
            return self._status
        return known.get(path, _nothing(404))

    def has_prompt(self, request: Request) -> bool:
        """Whether it asks for an answer rather than for a load; those are written down."""
        if request.path not in _WITH_PROMPT or request.method != "POST":
            return False
        body = options.read_body(request.body)
        self._daemon.record.bodies.append(body)
        return bool(body.get("messages") or body.get("input"))

    async def _root(self, _request: Request) -> Reply:
        return Reply(200, b"Ollama is running", "text/plain; charset=utf-8")

    async def _version(self, _request: Request) -> Reply:
        return json_reply({"version": self._daemon.version})

    async def _status(self, _request: Request) -> Reply:
        disabled = self._daemon.cloud.disabled
        return json_reply(
            {"cloud": {"disabled": disabled, "source": "env" if disabled else "none"}}
        )

    async def _tags(self, _request: Request) -> Reply:
        return json_reply({"models": [_tag(model) for model in self._daemon.models.values()]})

    async def _ps(self, _request: Request) -> Reply:
        return json_reply(
            {
                "models": [
                    {
                        **_tag(runner.model),
                        "size_vram": runner.model.size,
                        "expires_at": FOREVER if runner.keep_alive_s < 0 else SOON,
                        "context_length": runner.num_ctx,
                    }
                    for runner in self._daemon.scheduler.runners.values()
                ]
            }
        )

    async def _show(self, request: Request) -> Reply:
        body = options.read_body(request.body)
        model = self._find(self._name(request, body), embed=False)
        if model.remote_host and self._daemon.cloud.disabled:
            raise says.error(403, says.DETAILS_DISABLED)
        return json_reply(_shown(model))

    async def _chat(self, request: Request) -> Reply | Stream:
        body = options.read_body(request.body)
        options.require_think(body.get("think"))
        name = self._name(request, body)
        if self._is_cloud_by_name(name):
            return cloud.proxy(self._daemon.cloud, self._daemon.record, None, body)
        model = self._find(name, embed=False)
        if model.remote_host:
            return cloud.proxy(self._daemon.cloud, self._daemon.record, model, body)
        answer = await generation.chat(self._daemon.engine, model, body, name)
        return await _once_begun(answer) if isinstance(answer, Stream) else answer

    async def _embed(self, request: Request) -> Reply | Stream:
        body = options.read_body(request.body)
        name = self._name(request, body)
        if self._is_cloud_by_name(name):
            return cloud.proxy(self._daemon.cloud, self._daemon.record, None, body)
        model = self._find(name, embed=True)
        if model.remote_host:
            # Nothing of it is on the disk, and embedding asks for nothing else.
            raise says.not_found(name, embed=True)
        return await generation.embed(self._daemon.engine, model, body, name)

    def _name(self, request: Request, body: dict[str, Any]) -> str:
        has_suffixes = self._has(models.SUFFIXES_SINCE)
        return naming.name_in(body, request.path, has_suffixes=has_suffixes)

    def _find(self, name: str, *, embed: bool) -> Model:
        wants_local = self._has(models.SUFFIXES_SINCE) and name.endswith(":local")
        full = models.with_tag(name.removesuffix(":local") if wants_local else name)
        model = self._daemon.models.get(full)
        if model is None and self._is_cloud_by_name(name):
            return Model(name=name, remote_model=models.base_name(name), remote_host=cloud.CLOUD)
        if model is None or (wants_local and model.remote_host):
            raise says.not_found(name, embed=embed)
        return model

    def _is_cloud_by_name(self, name: str) -> bool:
        if not models.is_cloud_name(name):
            return False
        return self._has(models.SUFFIXES_SINCE) or (
            self._has(models.ALIASES_SINCE) and name in self._daemon.models
        )

    def _has(self, since: tuple[int, ...]) -> bool:
        numbers = self._daemon.version.partition("-")[0].split(".")
        return tuple(int(number) for number in numbers) >= since


async def _once_begun(stream: Stream) -> Stream:
    """The stream with its first line made already: until then an error has its own status."""
    first = await anext(aiter(stream.lines))
    return Stream(_with(first, stream))


async def _with(first: bytes, rest: Stream) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest.lines) as lines:
        yield first
        async for line in lines:
            yield line


def _tag(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        **({} if model.is_hidden_in_tags else model.remote_fields),
        "modified_at": "2026-11-01T00:00:00Z",
        "size": model.size,
        "digest": model.digest,
        "details": model.details,
    }


def _shown(model: Model) -> dict[str, Any]:
    stops = "\n".join(f'stop                           "{stop}"' for stop in model.stops)
    return {
        "modelfile": f"FROM {model.name}\n" + (f"PARSER {model.parser}\n" if model.parser else ""),
        "parameters": stops,
        "template": "{{ .Prompt }}",
        "details": model.details,
        **model.remote_fields,
        "model_info": {
            "general.architecture": model.family,
            f"{model.family}.context_length": model.context,
        },
        "capabilities": list(model.capabilities),
        "modified_at": "2026-11-01T00:00:00Z",
    }


_PAGES = {403: b"", 404: b"404 page not found", 405: b"405 method not allowed"}


def _nothing(status: int) -> Answer:
    async def answer(_request: Request) -> Reply:
        await asyncio.sleep(0)
        return Reply(status, _PAGES[status], "text/plain")

    return answer


def _is_own_host(header: str) -> bool:
    host = header.rpartition(":")[0] if header.count(":") == 1 else header
    host = host.strip("[]").lower()
    if host in ("", "localhost") or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
