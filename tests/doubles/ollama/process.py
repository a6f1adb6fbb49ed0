"""The double as a process: python -m tests.doubles.ollama.process [PORT [TOKENS]].

TOKENS are how many it says in a second.
"""

import sys
import threading

from tests.doubles.ollama.daemon import LLAMA, Daemon, running
from tests.doubles.ollama.models import Model


def main() -> None:
    """Serve until killed."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 11434
    tokens_per_s = float(sys.argv[2]) if len(sys.argv) > 2 else 200
    thinker = Model(name="qwen3:4b", family="qwen3", capabilities=("completion", "thinking"))
    stub = Model(
        name="private:latest", remote_model="gpt-oss:120b", remote_host="https://ollama.com"
    )
    embedder = Model(name="nomic-embed-text:latest", size=274_000_000, capabilities=("embedding",))
    models = (LLAMA, thinker, stub, embedder)
    with running(Daemon(models, tokens_per_s=tokens_per_s, load_s=1, parallel=4), port) as daemon:
        print(f"listening on {daemon.url}", flush=True)  # noqa: T201  (for whoever started it)
        threading.Event().wait()


if __name__ == "__main__":
    main()
