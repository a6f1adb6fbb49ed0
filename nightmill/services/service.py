"""What can be made a service, and the command that it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from jobs.errors import UsageError

if TYPE_CHECKING:
    from jobs.settings import Settings

Kind = Literal["tunnel", "worker", "dispatch", "monitor", "up"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Seconds that any of them needs to end, beside those that running jobs get.
END_S = 20
#: A model may have 100 GB to load.
START_S = 900
#: Seconds without a sign of life after which a tunnel is begun anew.
WATCHDOG_S = 30

_ABOUT: dict[Kind, str] = {
    "tunnel": "tunnel {}",
    "worker": "worker of pool {}",
    "dispatch": "dispatcher",
    "monitor": "monitor",
    "up": "all that this machine can do",
}


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of this machine."""

    kind: Kind
    #: The tunnel's or the pool's name; empty where there is only one of its kind.
    name: str
    #: Seconds that it gets to end.
    end_s: int = END_S
    #: Names of the tunnels that it may need, which begin before it.
    after: tuple[str, ...] = ()
    #: Whether it runs a command of the user's, which may do anything.
    is_open: bool = False

    @property
    def id(self) -> str:
        """`nightmill-worker-mlx`: what launchd and systemd know it by."""
        return "-".join(filter(None, ("nightmill", self.kind, self.name)))

    @property
    def words(self) -> str:
        """As it is named on the command line: `worker mlx`."""
        return f"{self.kind} {self.name}".rstrip()

    @property
    def about(self) -> str:
        """What it is, for people."""
        return _ABOUT[self.kind].format(self.name)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `nightmill` is given to run it."""
        if self.kind == "tunnel":
            return "tunnel", "up", self.name
        return tuple(self.words.split())


def service_of(settings: "Settings", kind: Kind, name: str | None) -> Service:
    """The service of that kind and name.

    Raises `UsageError` where there is no such pool or tunnel, or a name is missing or too much.
    """
    match kind:
        case "tunnel":
            return Service(kind=kind, name=_one_of("tunnel", name, tuple(settings.tunnel)))
        case "worker":
            pool = _one_of("pool", name, tuple(settings.pools))
            end_s = END_S + round(settings.worker.grace_s)
            return Service(kind=kind, name=pool, end_s=end_s, after=tuple(settings.tunnel))
    if name is not None:
        raise UsageError(f"There is only one `{kind}` on a machine: leave {name} out.")
    return Service(
        kind=kind,
        name="",
        after=tuple(settings.tunnel),
        # Those that lead tell of batches that are over.
        is_open=kind in {"dispatch", "up"} and settings.notify.command is not None,
    )


def _one_of(what: str, name: str | None, known: tuple[str, ...]) -> str:
    if name in known:
        return str(name)
    if name is None and len(known) == 1:
        return known[0]
    configured = f"Configured are: {', '.join(known)}." if known else "None is configured."
    if name is None:
        raise UsageError(f"Which {what}? {configured}")
    raise UsageError(f"There is no {what} {name}. {configured}")
