import msgspec
import pytest
from typer.testing import CliRunner

from jobs.errors import UsageError
from nightmill.bench import BENCHES, run
from nightmill.bench.options import BenchOptions
from nightmill.bench.result import Run, combined, judge, sentences
from nightmill.bench.runner import alternate
from nightmill.cli.app import app

RUNS = [Run(ours=ours, peer=100.0) for ours in (500.0, 300.0, 100.0)]


def test_a_ratio_is_that_of_the_medians() -> None:
    result = judge("queue", RUNS, 3.0)

    assert (result.ours, result.peer, result.ratio, result.ok) == (300.0, 100.0, 3.0, True)


def test_a_ratio_below_its_figure_does_not_hold() -> None:
    assert not judge("queue", RUNS, 3.1).ok


def test_several_results_are_good_only_if_all_are() -> None:
    good, bad = judge("packs", RUNS, 3.0), judge("single", RUNS, 4.0)

    both = combined([good, bad])

    assert (both.name, both.ratio, both.ok) == ("packs", 3.0, False)
    assert both.detail["parts"] == (good, bad)


def test_a_single_result_stays_as_it_is() -> None:
    result = judge("status", RUNS, 1.0)

    assert combined([result]) is result


def test_the_json_has_the_fields_that_scripts_rely_on() -> None:
    result = judge("queue", RUNS, 3.0, unit="jobs/s")

    fields = msgspec.json.decode(msgspec.json.encode(result))

    assert list(fields) == ["name", "ours", "peer", "ratio", "hold", "ok", "runs", "detail"]
    assert fields["runs"][0] == {"ours": 500.0, "peer": 100.0}


def test_people_read_whether_it_holds() -> None:
    result = judge("queue", RUNS, 4.0, unit="jobs/s", fsyncs_per_s=1234.5)

    headline, *rest = sentences(result)

    assert headline.startswith("queue: 300 jobs/s against 100, ratio 3.00")
    assert headline.endswith("DOES NOT HOLD")
    assert rest == ["  fsyncs per s: 1,234"]


def test_people_read_every_part() -> None:
    both = combined([judge("packs", RUNS, 3.0), judge("single", RUNS, 4.0)])

    assert [line.partition(":")[0] for line in sentences(both)] == ["packs", "single"]


def test_the_sides_take_turns_at_going_first() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    sides = {"ours": lambda: side("ours"), "peer": lambda: side("peer")}
    rounds = alternate("bench", sides, 3, lambda _: None)

    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert [list(figures) for figures in rounds] == [["ours", "peer"]] * 3


def test_a_bench_that_is_none_is_wrong_use(tiny: BenchOptions) -> None:
    with pytest.raises(UsageError, match=r"There is no bench quick. There are: queue, leases"):
        run("quick", tiny)


@pytest.mark.parametrize(("runs", "size"), [(0, None), (1, 0)])
def test_a_bench_of_nothing_is_wrong_use(tiny: BenchOptions, runs: int, size: int | None) -> None:
    with pytest.raises(UsageError):
        run("queue", BenchOptions(folder=tiny.folder, runs=runs, size=size))


def test_the_help_names_every_bench() -> None:
    said = " ".join(CliRunner().invoke(app, ["bench", "--help"]).output.split())

    assert all(name in said for name in BENCHES)
