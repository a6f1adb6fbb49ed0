"""What a bench found out."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import msgspec


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides measured once, one right after the other; bigger is better."""

    ours: float
    peer: float


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one bench; the fields are those of `nightmill bench NAME --json`."""

    name: str
    #: Medians of the runs.
    ours: float
    peer: float
    #: Ours over peer.
    ratio: float
    #: What the ratio has to be at least.
    hold: float
    #: Whether this ratio holds, and those of all parts.
    ok: bool
    runs: tuple[Run, ...]
    #: What else to know, by its name: `unit` and `peer` say what was measured against what. Or
    #: only `parts`: the results of several measurements, the first of them being this one.
    detail: dict[str, Any]


def judge(name: str, runs: Sequence[Run], hold: float, **detail: Any) -> BenchResult:
    """The result of one pair of sides."""
    ours = median(run.ours for run in runs)
    peer = median(run.peer for run in runs)
    return BenchResult(
        name=name,
        ours=ours,
        peer=peer,
        ratio=ours / peer,
        hold=hold,
        ok=ours / peer >= hold,
        runs=tuple(runs),
        detail=detail,
    )


def combined(parts: Sequence[BenchResult]) -> BenchResult:
    """One result for several: the figures of the first, good only if all are."""
    if len(parts) == 1:
        return parts[0]
    return msgspec.structs.replace(
        parts[0], ok=all(part.ok for part in parts), detail={"parts": tuple(parts)}
    )


def sentences(result: BenchResult) -> list[str]:
    """A result for people, a line for each thing to know."""
    parts: Sequence[BenchResult] = result.detail.get("parts", (result,))
    return [line for part in parts for line in (_headline(part), *_details(part))]


def _details(part: BenchResult) -> list[str]:
    return [
        f"  {name.replace('_', ' ')}: {_figure(value)}"
        for name, value in part.detail.items()
        if name != "unit"
    ]


def _headline(result: BenchResult) -> str:
    unit = result.detail.get("unit", "")
    verdict = "holds" if result.ok else "DOES NOT HOLD"
    return (
        f"{result.name}: {_figure(result.ours)} {unit} against {_figure(result.peer)}, ratio"
        f" {result.ratio:.2f} (median of {len(result.runs)}; to hold: {result.hold:g}): {verdict}"
    )


#: Figures from here on are told without their fractions.
_ROUNDED = 100


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= _ROUNDED else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
