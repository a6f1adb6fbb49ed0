"""What happens to the two machines while they work; each is over when it returns."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.tunnels import Cause
from tests.integration.two_machines.network import SIDES
from tests.integration.two_machines.world import World

#: As it is set where nothing is said.
LEASE_S = 60.0
#: Past the lease, so that what the Mac holds is taken for lost.
SLEEP_S = LEASE_S + 15
#: Seconds within which a cut is known on the Mac, and on the server.
KNOWN_HERE_S, KNOWN_THERE_S = 15.0, 45.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One thing that happens."""

    name: str
    happen: Callable[[World, random.Random], None]


def cut(seconds: float) -> Trouble:
    """The cable is out at one of its ends."""

    def happen(world: World, rng: random.Random) -> None:
        side = rng.choice(SIDES)
        world.network.pull(side)
        ends_at = time.monotonic() + seconds
        try:
            if seconds > KNOWN_HERE_S:
                _see_that_both_know(world, seconds)
            last(ends_at - time.monotonic())
            if seconds > 2 * LEASE_S:
                assert world.handed_out("mlx") == 0, "nobody is there to do it"
        finally:
            world.network.plug(side)

    return Trouble(name=f"cut for {seconds:.0f} s", happen=happen)


def _see_that_both_know(world: World, seconds: float) -> None:
    began = time.monotonic()
    world.until(lambda: not world.is_up(), "the Mac to know", KNOWN_HERE_S)
    world.measured[f"the Mac knows of the cut for {seconds:.0f} s"] = time.monotonic() - began
    world.until(lambda: not world.server_knows_it_up(), "the server to know", KNOWN_THERE_S)
    world.measured[f"the server knows of the cut for {seconds:.0f} s"] = time.monotonic() - began


def restart_sshd(world: World, rng: random.Random) -> None:
    """Every connection ends, and for a moment nobody answers."""
    world.sshd.stop()
    last(rng.uniform(0.5, 3))
    world.sshd.start()


def hold_port(world: World, rng: random.Random) -> None:
    """Who takes connections is killed and starts anew; the tunnel's own one is left standing still,
    with the port of the Mac's server in its hands, as if it had not noticed anything yet.
    """
    session = world.sshd.session()
    world.sshd.stop_listening()
    session.send_signal(signal.SIGSTOP)
    world.sshd.start()
    world.until(lambda: world.tunnel_report().cause is Cause.PORT_HELD, "the port to be missed", 60)
    last(rng.uniform(1, 5))
    session.kill()


def sleep(world: World, rng: random.Random) -> None:
    """The Mac stands still, and goes on when the server has given its connection up."""
    with stopped(world):
        last(SLEEP_S)
        world.sshd.session().kill()


@contextmanager
def stopped(world: World) -> Iterator[None]:
    """All processes of the Mac stand still in the block."""
    processes = world.stopped()
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def last(seconds: float) -> None:
    """Let a trouble go on for so long: its length is what it is."""
    threading.Event().wait(seconds)


#: In the order in which the issue names them.
TROUBLES = (
    cut(5),
    cut(30),
    cut(120),
    Trouble(name="sshd restarted", happen=restart_sshd),
    Trouble(name="sshd killed with the port held", happen=hold_port),
    Trouble(name="the Mac asleep", happen=sleep),
)
