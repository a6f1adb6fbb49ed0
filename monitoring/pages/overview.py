"""*Overview*: how fast it goes, what waits, who works, and how far the batches are."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from jobs.store import dialect, dispatch, hosts, samples, tunnels
from jobs.store.hosts import ALIVE_S, HostRow
from jobs.store.samples import Stretch
from jobs.store.tunnels import TunnelRow
from jobs.tunnels import TunnelReport
from monitoring.pages import history
from monitoring.pages.history import Point
from monitoring.pages.page import Page

#: The spans of time to choose from, and how long the stretches are that become one point.
WIDTHS_S = {900: samples.EVERY_S, 3_600: 15.0, 21_600: 90.0, 86_400: 360.0}
DEFAULT_SPAN_S = 3_600


class BatchNow(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch is; the figures are those of `nightmill status`."""

    id: str
    name: str
    state: str
    total: int
    finished: int
    succeeded: int
    unsuccessful: int
    running: int
    waiting: int
    jobs_per_s: float
    tokens_per_s: float
    #: Seconds to the end at the present rate; None where that is not known.
    eta_s: float | None
    model: str
    pool: str
    #: Why nothing of it is handed out; None while it runs.
    paused_reason: str | None
    #: Seconds since the epoch.
    created_at: float
    finished_at: float | None


class PoolNow(msgspec.Struct, frozen=True, kw_only=True):
    """A pool, now and over time."""

    name: str
    #: Slots of its hosts that live, are well and are reached; 0 where there is none.
    slots: int
    running: int
    waiting: int
    jobs_per_s: float
    tokens_per_s: float
    points: tuple[Point, ...]


class HostNow(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it was last heard of."""

    name: str
    pool: str
    slots: int
    models: tuple[str, ...]
    machine: str
    version: str
    is_alive: bool
    seen_s_ago: float
    #: What its backend suffers from, for people, and for how many seconds; None while it is well.
    trouble: str | None
    troubled_s: float | None
    #: Whether it waits until somebody has looked.
    is_out: bool
    #: The tunnel that is down and without which nobody reaches it; None while it is reached.
    cut_off_by: str | None


class TunnelNow(msgspec.Struct, frozen=True, kw_only=True):
    """A tunnel as it was last heard of."""

    name: str
    machine: str
    version: str
    is_alive: bool
    seen_s_ago: float
    #: What it said last of itself.
    report: TunnelReport


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    #: The store's clock, in seconds since the epoch.
    at: float
    span_s: int
    #: Between two points of a chart.
    width_s: float
    #: When the dispatcher last looked; None where it did not within the span.
    sampled_at: float | None
    pools: tuple[PoolNow, ...]
    hosts: tuple[HostNow, ...]
    tunnels: tuple[TunnelNow, ...]
    batches: tuple[BatchNow, ...]


#: The batches to show, those that run first.
ListBatches = Callable[[Connection], Sequence[BatchNow]]


def overview(list_batches: ListBatches) -> Page:
    """The page, given where its batches come from."""

    def read(c: Connection, asked: Mapping[str, str]) -> Overview:
        now = dialect.now(c)
        span_s = span_of(asked.get("span", ""))
        width_s = WIDTHS_S[span_s]
        look_back_s = history.PRESENT_S + history.APART_S
        return put_together(
            now=now,
            span_s=span_s,
            stretches=samples.since(c, now - span_s, width_s),
            of_late=samples.since(c, now - look_back_s, samples.EVERY_S / 10),
            running=dispatch.running(c),
            waiting=samples.waiting(c),
            hosts=hosts.listing(c),
            tunnels=tunnels.listing(c),
            cut_off=tunnels.cut_off(c),
            batches=list_batches(c),
        )

    return Page("overview", "Overview", read)


def span_of(word: str) -> int:
    """A span to choose from, by its seconds; raises `ValueError` for another."""
    span_s = int(word) if word else DEFAULT_SPAN_S
    if span_s not in WIDTHS_S:
        raise ValueError(f"expected a span of {', '.join(map(str, WIDTHS_S))} seconds")
    return span_s


def put_together(
    *,
    now: float,
    span_s: int,
    stretches: Sequence[Stretch],
    of_late: Sequence[Stretch],
    running: Mapping[str, int],
    waiting: Mapping[str, int],
    hosts: Sequence[HostRow],
    tunnels: Sequence[TunnelRow],
    cut_off: Mapping[str, TunnelRow],
    batches: Sequence[BatchNow],
) -> Overview:
    """The page's value from what the store has; `of_late` are single samples."""
    width_s = WIDTHS_S[span_s]
    points = history.by_pool(stretches, width_s)
    known = tuple(_host(host, cut_off.get(host.name)) for host in hosts)
    names = sorted({*points, *running, *waiting, *(host.pool for host in known)})
    return Overview(
        at=now,
        span_s=span_s,
        width_s=width_s,
        sampled_at=max((each.last_at for each in [*stretches, *of_late]), default=None),
        pools=tuple(
            _pool(
                name,
                points.get(name, ()),
                history.present([each for each in of_late if each.pool == name], now),
                slots=_slots(known, name),
                running=running.get(name, 0),
                waiting=waiting.get(name, 0),
            )
            for name in names
        ),
        hosts=known,
        tunnels=tuple(map(_tunnel, tunnels)),
        batches=tuple(batches),
    )


def _slots(hosts: Sequence[HostNow], pool: str) -> int:
    return sum(host.slots for host in hosts if host.pool == pool and _serves(host))


def _serves(host: HostNow) -> bool:
    return host.is_alive and host.trouble is None and host.cut_off_by is None


def _pool(
    name: str,
    points: tuple[Point, ...],
    speed: tuple[float, float],
    *,
    slots: int,
    running: int,
    waiting: int,
) -> PoolNow:
    # As of a batch that stands still: what was fast a moment ago is not fast now.
    jobs_per_s, tokens_per_s = speed if running or waiting else (0.0, 0.0)
    return PoolNow(
        name=name,
        slots=slots,
        running=running,
        waiting=waiting,
        jobs_per_s=round(jobs_per_s, 4),
        tokens_per_s=round(tokens_per_s, 2),
        points=points,
    )


def _host(row: HostRow, cut_off_by: TunnelRow | None) -> HostNow:
    return HostNow(
        name=row.name,
        pool=row.pool,
        slots=row.slots,
        models=row.models,
        machine=row.machine,
        version=row.version,
        is_alive=row.silent_s < ALIVE_S,
        seen_s_ago=round(max(0.0, row.silent_s), 1),
        trouble=row.trouble,
        troubled_s=row.troubled_s,
        is_out=row.is_out,
        cut_off_by=None if cut_off_by is None else cut_off_by.name,
    )


def _tunnel(row: TunnelRow) -> TunnelNow:
    return TunnelNow(
        name=row.name,
        machine=row.machine,
        version=row.version,
        is_alive=row.is_alive,
        seen_s_ago=round(max(0.0, row.silent_s), 1),
        report=row.report,
    )
