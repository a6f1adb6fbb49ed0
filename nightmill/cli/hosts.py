"""`nightmill hosts`."""

from contextlib import closing
from typing import TYPE_CHECKING

from nightmill.cli import options, tunnels, words
from nightmill.cli.output import print_json, say, tell
from nightmill.cli.rests import of_pool

if TYPE_CHECKING:
    from nightmill.fleet import HostStatus

_HEADING = ("host", "state", "running", "slots", "machine", "version", "models")
_NUMBERS = (2, 3)
#: Names of models that fit on a line.
_FEW = 3


def hosts(*, json: options.Json = False, config: options.Config = None) -> None:
    """List the workers there are, with machine, slots and models, and the tunnels between them.

    Example: nightmill hosts
    """
    from nightmill.fleet import fleet
    from nightmill.setup import open_store, read_settings
    from worker import spool

    settings = read_settings(config)
    with closing(open_store(settings)) as store:
        found, dialled = fleet(store)
    spooled = spool.waiting(spool.folder_in(settings.data_dir))
    if json:
        print_json(hosts=found, tunnels=dialled, spooled=spooled)
        return
    if found:
        tell(*words.table([_HEADING, *map(cells, found)], right=_NUMBERS))
    else:
        say("No worker runs. `nightmill run` and `nightmill up` start their own.")
    for host in found:
        if host.trouble is not None:
            tell(f"{host.name}: {host.trouble}")
        if host.rest is not None:
            tell(f"{host.name}: {of_pool(host.rest)}")
        if host.cut_off is not None:
            tell(f"{host.name}: {tunnels.why_cut_off(host.cut_off)}")
    if dialled:
        tell(*tunnels.table(dialled))
    if spooled:
        tell(spooled_line(spooled))


def cells(host: "HostStatus") -> tuple[str, ...]:
    """One worker as a line of the table."""
    silent = f"silent for {words.duration(host.silent_s)}"
    more = len(host.models) - _FEW
    return (
        host.name,
        silent if host.state == "silent" else host.state,
        f"{host.running:,}",
        f"{host.slots:,}",
        host.machine,
        host.version,
        ", ".join(host.models[:_FEW]) + (f" and {more} more" if more > 0 else ""),
    )


def spooled_line(spooled: int) -> str:
    """What to say of answers that are on this machine's disk only."""
    return (
        f"{words.count(spooled, 'answer')} on this machine's disk could not be recorded yet:"
        " a worker of this machine records them when the store takes them."
    )
