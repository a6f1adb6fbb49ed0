"""A real Ollama, started by a test: on a port and in a home of its own, with its cloud off."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil

from nightmill.bench.ports import free_port
from tests.backends.ollama.gguf import write_gguf
from tests.waiting import eventually

#: What to try things on; None where there is none.
PROGRAM = os.environ.get("NIGHTMILL_TEST_OLLAMA") or shutil.which("ollama")

#: Answers tickets, and comes to an end.
DEMO = "demo:latest"
#: Never comes to an end.
BABBLER = "babbler:latest"
THINKER = "thinker:1b"
VECTORS = "vectors:latest"
#: Bears the name of a local model, and would be answered by Ollama's cloud.
STUB = "private:latest"

_TURN = "<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n"
_ANSWER = "<|im_start|>assistant\n"
_TEMPLATE = "{{ range .Messages }}" + _TURN + "{{ end }}" + _ANSWER
#: Several threads would wait for each other in loops, on a machine that is busy.
_ALONE = {"parameters": {"num_thread": 1}}
#: What shows thoughts between marks makes a thinker. This one never comes to their end.
_THOUGHTS = "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}"
_THINKING = (
    "{{ range .Messages }}"
    + _THOUGHTS
    + _TURN
    + "{{ end }}"
    + _ANSWER
    + "{{ if and .IsThinkSet .Think }}<think>{{ end }}"
)


class RealOllama:
    """The daemon of a program, with nothing of its user's."""

    def __init__(self, program: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        self._program = program
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """The daemon itself."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    @property
    def runners(self) -> set[int]:
        """The processes in which it has its models."""
        return {child.pid for child in self.process.children(recursive=True)}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "serve"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        process = self._process
        eventually(lambda: process.poll() is not None or self._is_well(), "Ollama", 60)
        assert process.poll() is None, self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it at once, as if memory ran out."""
        assert self._process is not None
        # Its runners would stay for ever (seen on 0.20.2).
        left = self.process.children(recursive=True) if self._process.poll() is None else []
        self._process.kill()
        self._process.wait()
        for runner in left:
            with suppress(psutil.NoSuchProcess):
                runner.kill()

    def ask(self, method: str, path: str, content: bytes = b"") -> httpx2.Response:
        """What it answers, without anything of Nightmill in between."""
        with httpx2.Client(trust_env=False, timeout=60) as client:
            return client.request(method, self.url + path, content=content)

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        """What it answers to these fields, as one answer rather than a stream."""
        with httpx2.Client(trust_env=False, timeout=60) as client:
            return client.post(self.url + path, json={"stream": False, **fields})

    def make_models(self, folder: Path) -> None:
        """Give it models: of a few hundred kilobytes, with weights that are trained a little."""
        for name, model in {
            DEMO: {"files": self._gguf(folder), "template": _TEMPLATE, **_ALONE},
            BABBLER: {"files": self._gguf(folder, ends=False), "template": _TEMPLATE, **_ALONE},
            THINKER: {"files": self._gguf(folder), "template": _THINKING, **_ALONE},
            VECTORS: {"files": self._gguf(folder, embeds=True), **_ALONE},
            STUB: {"from": "big:120b", "remote_host": "https://ollama.com:443"},
        }.items():
            self.post("/api/create", model=name, **model).raise_for_status()

    def _gguf(self, folder: Path, **options: bool) -> dict[str, str]:
        path = folder / "model.gguf"
        write_gguf(path, **options)
        digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        self.ask("POST", f"/api/blobs/{digest}", path.read_bytes()).raise_for_status()
        return {path.name: digest}

    def _is_well(self) -> bool:
        try:
            return self.ask("GET", "/").is_success
        except httpx2.HTTPError:
            return False


@contextmanager
def real_ollama(program: str, folder: Path, **environ: str) -> Iterator[RealOllama]:
    """A daemon with models, for as long as the block lasts."""
    ollama = RealOllama(program, folder, {"OLLAMA_NO_CLOUD": "1", **environ})
    try:
        ollama.start()
        ollama.make_models(folder)
        yield ollama
    finally:
        ollama.kill()
