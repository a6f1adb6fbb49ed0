"""What is left of mlx-lm's speed when a batch goes through the whole of Nightmill.

Ours from pending rows to results on the disk; the peer is one call of `batch_generate` with the
same token ids and batch size. Neither side counts the reading of the model. The two take turns in
memory, because a large model is not wanted there twice.
"""

from pathlib import Path

from backends.mlx.models import DEMO_FOLDER, DEMO_NAME
from jobs.errors import UsageError
from jobs.model import GenerationRequest, Message
from jobs.settings_pools import PoolSettings
from nightmill.bench.batch import submit_requests
from nightmill.bench.child import ask
from nightmill.bench.mill import Drained, Mill
from nightmill.bench.mlx_process import Spec, Took
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.stores import SQLITE, NewStore, kind_of, store_maker

ROWS = 512
SLOTS = 32
MAX_TOKENS = 128
HOLD = 0.8
PEER = "mlx_lm.batch_generate in a process of its own, the same token ids, the same batch size"
PEER_HAS = "no text read or made, no rows, no records, no way to go on after a crash"
#: Below this the arithmetic takes less time than everything around it.
TINY_BYTES = 500_000_000
OVERHEAD = "on a model this small the ratio measures the work around the model, not the engine"


def run_engine(options: BenchOptions, on_progress: OnProgress) -> BenchResult:
    """Measure one model, on SQLite unless asked; raises `UsageError` where there is no model."""
    model = (options.model or DEMO_FOLDER).resolve()
    if not (model / "config.json").is_file():
        raise UsageError(f"There is no model in {model}. Name a folder in mlx-lm's format.")
    with workplace(options.folder) as folder:
        parts = []
        for store in options.stores or (SQLITE,):
            with store_maker(store, folder) as new_store:
                parts.append(
                    _on_store(
                        kind_of(store),
                        new_store,
                        folder,
                        model=model,
                        options=options,
                        on_progress=on_progress,
                    )
                )
    return combined(parts)


def _on_store(
    kind: str,
    new_store: NewStore,
    folder: Path,
    *,
    model: Path,
    options: BenchOptions,
    on_progress: OnProgress,
) -> BenchResult:
    requests = [_request(number, model) for number in range(options.size or ROWS)]
    name, runs, tokens = f"engine on {kind}", list[Run](), 0
    for number in range(1, options.runs + 1):
        with new_store() as url:
            ours = _ours(folder / kind, url, model, requests)
        peer = _peer(model, requests)
        tokens = ours.tokens
        runs.append(Run(ours=ours.tokens / ours.seconds, peer=peer.tokens / peer.seconds))
        on_progress(
            f"{name}, run {number} of {options.runs}: {runs[-1].ours:,.0f} tokens/s,"
            f" batch_generate {runs[-1].peer:,.0f}"
        )
    size = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    return judge(
        name,
        runs,
        HOLD,
        unit="tokens/s",
        peer=PEER,
        peer_has=PEER_HAS,
        model=model.name,
        says=OVERHEAD if size < TINY_BYTES else "the engine is most of it",
        rows=len(requests),
        tokens=tokens,
        fsyncs_per_s=fsyncs_per_s(folder),
    )


def _request(number: int, model: Path) -> GenerationRequest:
    things = ("parcel", "invoice", "password", "subscription", "refund", "printer", "account")
    text = " ".join(
        f"My {things[(number + word) % len(things)]} number {number * 7 + word} is late."
        for word in range(1 + number % 5)
    )
    return GenerationRequest(
        model=_name_of(model),
        messages=(Message(role="user", content=text),),
        max_tokens=MAX_TOKENS,
    )


def _name_of(model: Path) -> str:
    return DEMO_NAME if model == DEMO_FOLDER.resolve() else model.name


def _ours(folder: Path, url: str, model: Path, requests: list[GenerationRequest]) -> Drained:
    pool = PoolSettings(backend="mlx", slots=SLOTS, models_dir=model.parent)
    with Mill(folder, url, pool) as mill:
        # The engine reads the model when the first job asks for it.
        mill.drain(submit_requests(mill.store, mill.pool, requests[:SLOTS]))
        return mill.drain(submit_requests(mill.store, mill.pool, requests))


def _peer(model: Path, requests: list[GenerationRequest]) -> Took:
    spec = Spec(folder=str(model), requests=tuple(requests), slots=SLOTS)
    return ask("nightmill.bench.mlx_process", spec, Took)
