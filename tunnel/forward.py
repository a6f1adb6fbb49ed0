"""Forwards as data, and what turns those that are there into those that are wanted."""

from collections.abc import Iterable
from typing import NamedTuple

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import ForwardSettings, ProbeKind, TunnelSettings
from jobs.tunnels import Direction


class Forward(NamedTuple):
    """One side listens, and the other passes on what comes."""

    direction: Direction
    #: Here for a local one, on the server for a remote one.
    listen: Endpoint
    #: As the other side sees it.
    to: Endpoint
    probe: ProbeKind

    def __str__(self) -> str:
        where = "here" if self.direction == "local" else "on the server"
        return f"{self.listen} {where} to {self.to}"


class Change(NamedTuple):
    """What has to be closed first, and opened then."""

    close: tuple[Forward, ...]
    open: tuple[Forward, ...]


def forwards_of(settings: TunnelSettings) -> tuple[Forward, ...]:
    """All forwards of a tunnel, the local ones first, in the order in which they are written."""
    return (
        *(_forward("local", each) for each in settings.local),
        *(_forward("remote", each) for each in settings.remote),
    )


def plan(wanted: Iterable[Forward], actual: Iterable[Forward]) -> Change:
    """What leads from the forwards that are there to those that are wanted, and leaves the rest."""
    wanted, actual = tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(actual))
    return Change(
        close=tuple(each for each in actual if each not in wanted),
        open=tuple(each for each in wanted if each not in actual),
    )


def _forward(direction: Direction, settings: ForwardSettings) -> Forward:
    return Forward(direction, settings.listens_at, settings.target, settings.probe_kind)
