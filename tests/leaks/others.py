"""Ways to leak that have nothing to do with one request to an Ollama."""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from backends.base import Backend
from backends.errors import BackendError
from backends.watch import Timeouts
from jobs.model import GenerationRequest, Message
from jobs.settings_pools import PoolSettings
from tests.doubles.ollama import faults
from tests.doubles.ollama.daemon import LLAMA, Daemon, running
from tests.leaks.cases import ELSEWHERE, STUB

_REPO_ID = "mlx-community/Qwen3-4B-4bit"


def _download_a_model() -> dict[str, Any]:
    """Neither a model that only a hub has nor the part of one that points there is fetched."""
    if importlib.util.find_spec("mlx_lm") is None:
        return {"ends": "no mlx"}
    with tempfile.TemporaryDirectory() as folder:
        return {"ends": asyncio.run(_ask_mlx(Path(folder)))}


async def _ask_mlx(folder: Path) -> str:
    from backends.mlx.front import MlxBackend
    from backends.mlx.models import DEMO_FOLDER

    model = folder / "models" / "Qwen3-4B-4bit"
    shutil.copytree(DEMO_FOLDER, model)
    _refer_to_a_hub(model / "config.json", "AutoModelForCausalLM")
    _refer_to_a_hub(model / "tokenizer_config.json", "AutoTokenizer")
    backend = MlxBackend(
        models_dir=model.parent, log_path=folder / "log", lock_path=folder / "lock"
    )
    await backend.open()
    try:
        return f"{await _ends(backend, _REPO_ID)}, {await _ends(backend, model.name)}"
    finally:
        await backend.close()


def _refer_to_a_hub(path: Path, what: str) -> None:
    """Let a file of a model say that a part of it is code in a repository."""
    fields = json.loads(path.read_text()) if path.exists() else {}
    fields["auto_map"] = {what: "someone/else--code.Thing"}
    path.write_text(json.dumps(fields))


async def _ends(backend: Backend, model: str) -> str:
    request = GenerationRequest(
        model=model, messages=(Message("user", "My parcel is late."),), max_tokens=4
    )
    try:
        await backend.generate(request, lambda _tokens: None)
    except BackendError as error:
        return str(error.code)
    return "answered"


def _settings_that_lead_elsewhere() -> dict[str, Any]:
    urls = (
        "https://ollama.com",
        "http://ollama.com:443",
        f"http://{ELSEWHERE}:11434",
        f"http://127.0.0.1@{ELSEWHERE}:11434",
        "http://localhost.ollama.com:11434",
        "http://[2001:db8:1::9]:11434",
    )
    taken = []
    for url in urls:
        with suppress(ValidationError):
            taken.append(PoolSettings(backend="ollama", url=url).server_url)
    return {"ends": ", ".join(taken) or "refused"}


_ASTRAY = {
    "OLLAMA_HOST": "https://ollama.com",
    "OLLAMA_API_KEY": "k",
    "OPENAI_BASE_URL": f"http://{ELSEWHERE}/v1",
    "OPENAI_API_KEY": "k",
    **dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
        f"http://{ELSEWHERE}:3128",
    ),
    "NO_PROXY": "",
    "no_proxy": "",
}


def _the_command_line() -> dict[str, Any]:
    """A batch as a user runs it, with everything in the environment that could lead astray."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Daemon([LLAMA, STUB], parallel=4)) as daemon,
    ):
        config = Path(folder) / "nightmill.toml"
        config.write_text(f'[pools.ollama]\nurl = "{daemon.url}"\nslots = 4\n')
        rows = Path(folder) / "in.jsonl"
        rows.write_text('{"prompt": "the-code-word"}\n' * 4)
        ends = [
            _nightmill(folder, what, "--config", str(config), *more)
            for what, *more in (
                ["models"],
                ["check"],
                ["run", str(rows), "-o", f"{folder}/out.jsonl"],
            )
        ]
        return {"ends": ", ".join(ends), "leaked": daemon.record.leaked}


def _discovery() -> dict[str, Any]:
    """Looking for servers without any configuration, with an Ollama at its usual port."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Daemon([LLAMA, STUB]), port=11434) as daemon,
    ):
        ends = _nightmill(folder, "models")
        found = "GET /api/tags" in daemon.record.calls
        return {"ends": f"{ends}, found: {found}", "leaked": daemon.record.leaked}


def _nightmill(folder: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nightmill", *arguments],
        env={**os.environ, **_ASTRAY, "NIGHTMILL_DATA_DIR": folder},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{arguments[0]} {done.returncode}"


def _redirects_of_another_server() -> dict[str, Any]:
    """A server with OpenAI's API that sends prompts elsewhere."""
    daemon = Daemon()
    daemon.broken = {
        "/v1/models": faults.Answers(body=b'{"object":"list","data":[{"id":"m"}]}'),
        "/v1/chat/completions": faults.redirect(307, f"http://{ELSEWHERE}/v1/chat/completions"),
    }
    with running(daemon):
        return {"ends": asyncio.run(_ask_openai(daemon.url))}


async def _ask_openai(url: str) -> str:
    from backends.openai_compatible.backend import OpenAiBackend

    backend = OpenAiBackend(url, slots=1, timeouts=Timeouts())
    await backend.open()
    try:
        return await _ends(backend, "m")
    finally:
        await backend.close()


OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "a model that a hub has": _download_a_model,
    "settings that lead elsewhere": _settings_that_lead_elsewhere,
    "the command line in a hostile environment": _the_command_line,
    "looking for servers in a hostile environment": _discovery,
    "another server that redirects": _redirects_of_another_server,
}
