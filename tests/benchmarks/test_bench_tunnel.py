import shutil

import pytest

from jobs.errors import UsageError
from nightmill.bench import run
from nightmill.bench.options import BenchOptions
from nightmill.bench.own_sshd import find_sshd


@pytest.mark.skipif(
    find_sshd() is None or shutil.which("ssh") is None, reason="there is no OpenSSH here"
)
def test_the_tunnel_bench_measures_both_ways(tiny: BenchOptions) -> None:
    result = run("tunnel", BenchOptions(folder=tiny.folder, runs=1, size=4))

    assert result.hold == 0.3
    assert [part.name for part in result.detail["parts"]] == ["tunnel down", "tunnel up"]
    for part in result.detail["parts"]:
        assert part.ours > 0
        assert part.peer > 0


def test_the_tunnel_bench_says_what_it_needs(
    tiny: BenchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightmill.bench.tunnel.find_sshd", lambda: None)

    with pytest.raises(UsageError, match="apt install openssh-client openssh-server"):
        run("tunnel", tiny)
