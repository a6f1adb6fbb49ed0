"""What the Ollama backend costs: jobs a second through it, against a bare loop of requests.

Both ask the same Ollama in the same words with as many requests at once, and read the answers as
they stream. Without `--url` that is a stand-in that answers at once, so that only the work around
a model is measured.
"""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import msgspec

from backends.ollama.backend import OllamaBackend
from jobs.addresses import is_private, parse_address
from jobs.errors import StoppedEarlyError, UsageError
from jobs.model import GenerationRequest, Message
from nightmill.bench.bare_ollama import ask_all
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.result import BenchResult, Run, judge
from nightmill.bench.runner import alternate
from nightmill.embedded.child import python
from nightmill.embedded.lifeline import Lifeline

JOBS = 2_000
#: Of a real one, which takes its time.
JOBS_OF_URL = 64
SLOTS = 8
WARM_UP = 16
MAX_TOKENS = 32
HOLD = 0.8

OURS, PEER = "Nightmill", "httpx2"
PEER_SAYS = f"a loop of {SLOTS} requests at once in httpx2, answers streamed and decoded"
PEER_HAS = (
    "no proof that the model is not remote, no check of counts and ends, no time-out between "
    "tokens, no decision on errors"
)


def run_ollama(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure the backend alone: no store and no worker. Raises `UsageError` for a bad URL."""
    with _place(options.url) as url, asyncio.Runner() as runner:
        model = runner.run(_model_at(url))
        jobs = options.size or (JOBS if options.url is None else JOBS_OF_URL)
        sides = {
            OURS: lambda: runner.run(_ours(url, model, jobs)),
            PEER: lambda: runner.run(_peer(url, model, jobs)),
        }
        runner.run(_ours(url, model, WARM_UP))
        runner.run(_peer(url, model, WARM_UP))
        rounds = alternate("ollama", sides, options.runs, on_progress)
    return judge(
        "ollama",
        [Run(ours=figures[OURS], peer=figures[PEER]) for figures in rounds],
        HOLD,
        unit="jobs/s",
        peer=PEER_SAYS,
        peer_has=PEER_HAS,
        model=model,
        says="the model is most of it" if options.url else "a stand-in without a model",
        slots=SLOTS,
        jobs=jobs,
    )


@contextmanager
def _place(url: str | None) -> Iterator[str]:
    """The Ollama that was named, or a stand-in for as long as the block lasts."""
    if url is not None:
        _require_private(url)
        yield url
        return
    lifeline = Lifeline()
    with ExitStack() as last_first:
        last_first.callback(lifeline.cut)
        process = subprocess.Popen(
            python("nightmill.bench.ollama_process", "--lifeline-fd", str(lifeline.fd)),
            stdout=subprocess.PIPE,
            pass_fds=(lifeline.fd,),
            process_group=0,
            text=True,
        )
        last_first.enter_context(process)
        last_first.callback(process.kill)
        port = cast("str", process.stdout and process.stdout.readline().strip())
        if not port:
            raise StoppedEarlyError("The stand-in for an Ollama did not start.")
        yield f"http://127.0.0.1:{port}"


def _require_private(url: str) -> None:
    try:
        hosts = parse_address(url).hosts
    except ValueError:
        hosts = frozenset()
    if not hosts or not all(map(is_private, hosts)):
        raise UsageError(
            "Expected --url to be an Ollama of yours, such as http://127.0.0.1:11434, got "
            "something else."
        )


async def _model_at(url: str) -> str:
    """The smallest model that can chat."""
    backend = OllamaBackend(url, slots=SLOTS)
    try:
        models = [m for m in (await backend.look()).models if "chat" in m.endpoints]
    finally:
        await backend.close()
    if not models:
        raise UsageError(f"The Ollama at {url} has no model that can chat. Pull one.")
    return min(models, key=lambda model: model.size).name


async def _ours(url: str, model: str, jobs: int) -> float:
    backend = OllamaBackend(url, slots=SLOTS)
    await backend.open()
    rest = iter(range(jobs))

    async def work() -> None:
        for number in rest:
            await backend.generate(_request(number, model), lambda _tokens: None)

    try:
        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(SLOTS)))
        return jobs / (time.perf_counter() - began)
    finally:
        await backend.close()


async def _peer(url: str, model: str, jobs: int) -> float:
    bodies = [msgspec.json.encode(_bare(_request(number, model))) for number in range(jobs)]
    began = time.perf_counter()
    await ask_all(f"{url}/api/chat", bodies, SLOTS)
    return jobs / (time.perf_counter() - began)


def _request(number: int, model: str) -> GenerationRequest:
    text = f"Sort this ticket: my parcel number {number} is late, and nobody answers the phone."
    return GenerationRequest(
        model=model, messages=(Message(role="user", content=text),), max_tokens=MAX_TOKENS
    )


def _bare(request: GenerationRequest) -> dict[str, object]:
    """The same request in Ollama's words, with the options that make the same work."""
    return {
        "model": request.model,
        "messages": [{"role": "user", "content": request.messages[0].content}],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 4096, "num_predict": MAX_TOKENS, "temperature": 0.0},
    }
