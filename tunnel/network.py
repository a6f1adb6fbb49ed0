"""What this machine's network looks like, to notice when it comes back."""

import psutil

#: What is up, and which addresses it has.
Network = frozenset[tuple[str, str]]


def network_now() -> Network:
    """The interfaces that are up, but for loopback, each with its addresses."""
    up = {name for name, found in psutil.net_if_stats().items() if found.isup}
    return frozenset(
        (name, address.address)
        for name, addresses in psutil.net_if_addrs().items()
        if name in up and not name.startswith("lo")
        for address in addresses
    )
