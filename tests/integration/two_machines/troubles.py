"""What happens to the two machines while they work; each is over when it returns."""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.integration.two_machines.network import SIDES
from tests.integration.two_machines.world import World

#: Past `worker.lease_s`, so that what the Mac holds is taken for lost.
SLEEP_S = 75.0


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
        try:
            last(world, seconds)
        finally:
            world.network.plug(side)

    return Trouble(name=f"cut for {seconds:.0f} s", happen=happen)


def restart_sshd(world: World, rng: random.Random) -> None:
    """Every connection ends, and for a moment nobody answers."""
    world.sshd.stop()
    last(world, rng.uniform(0.5, 3))
    world.sshd.start()


def hold_port(world: World, rng: random.Random) -> None:
    """Who takes connections is killed and starts anew; the tunnel's own one is left standing still,
    with the port of the Mac's server in its hands, as if it had not noticed anything yet.
    """
    session = world.sshd.session()
    world.sshd.stop_listening()
    session.send_signal(signal.SIGSTOP)
    world.sshd.start()
    world.until(lambda: world.sshd.sessions() != [], "another connection of the tunnel", 60)
    last(world, rng.uniform(1, 5))
    session.kill()


def sleep(world: World, rng: random.Random) -> None:
    """The Mac stands still, and goes on."""
    with stopped(world):
        last(world, SLEEP_S)


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


def last(world: World, seconds: float) -> None:
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
