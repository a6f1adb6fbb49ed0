import pytest

from jobs.errors import UsageError
from nightmill.bench import run
from nightmill.bench.options import BenchOptions
from tests.doubles.ollama.daemon import LLAMA, Daemon, running


def test_the_ollama_bench_measures_both_sides(tiny: BenchOptions) -> None:
    result = run("ollama", BenchOptions(folder=tiny.folder, runs=1, size=40))

    assert result.name == "ollama"
    assert result.ours > 0
    assert result.peer > 0
    assert result.hold == 0.8
    assert result.detail["says"] == "a stand-in without a model"


def test_the_ollama_bench_measures_an_ollama_that_is_there(tiny: BenchOptions) -> None:
    with running(Daemon([LLAMA], parallel=8)) as daemon:
        result = run("ollama", BenchOptions(folder=tiny.folder, runs=1, size=8, url=daemon.url))

    assert result.detail["model"] == LLAMA.name
    # Each side warms up first.
    assert len(daemon.record.prompts) == 2 * (16 + 8)


@pytest.mark.parametrize("url", ["https://ollama.com", "http://203.0.113.9:11434", "ollama", ""])
def test_the_ollama_bench_asks_nobody_elsewhere(tiny: BenchOptions, url: str) -> None:
    with pytest.raises(UsageError, match="an Ollama of yours"):
        run("ollama", BenchOptions(folder=tiny.folder, url=url))
