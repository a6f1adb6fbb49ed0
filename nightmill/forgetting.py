"""Forgetting a tunnel that is gone for good: what waits for it goes on without."""

from jobs.errors import UsageError
from jobs.store import tunnels
from jobs.store.store import Store
from jobs.store.tunnels import TunnelRow


def forget_tunnel(store: Store, name: str) -> TunnelRow:
    """Take a tunnel out of the store; what it was.

    Raises `UsageError` where the store knows none of this name, or it is still heard of.
    """
    with store.write(durable=True) as c:
        by_name = {tunnel.name: tunnel for tunnel in tunnels.listing(c)}
        if name not in by_name:
            raise UsageError(f"The store knows no tunnel {name}. {_known(list(by_name))}")
        found = by_name[name]
        if not tunnels.forget(c, name):
            raise UsageError(
                f"Tunnel {name} of {found.machine or 'another machine'} lives, and would be back"
                " at once: end it there first."
            )
    return found


def _known(names: list[str]) -> str:
    return f"It knows {', '.join(names)}." if names else "It knows none at all."
