"""Running all that a machine can do for whatever is submitted, until told to stop."""

import time
from collections.abc import Callable

from jobs.errors import BrokerError, OtherVersionError, StoreError
from jobs.settings import Settings
from jobs.store.store import Store
from nightmill.embedded.stack import Stack

LOOK_EVERY_S = 0.1
#: Other commands hold the lock of the services for a moment.
PASSING_S = 2.0

#: Told who runs the services, in words, or None where this process does, and with what settings.
OnChange = Callable[[str | None, Settings], None]


def serve(
    settings: Settings, store: Store, on_change: OnChange, goes_on: Callable[[], bool]
) -> None:
    """Run the services, or stand by where another process does, as long as `goes_on` says so.

    `goes_on` is asked several times a second; what it raises ends the services too. `on_change`
    is called at the beginning, when somebody else leads, and when there are more pools. A store or
    broker that fails is waited for. Raises another `StoppedEarlyError` where starting again does
    not help.
    """
    began = time.monotonic()
    with Stack(settings, store) as stack:
        told: tuple[bool, tuple[str, ...]] | None = None
        while goes_on():
            is_known = stack.is_leader or time.monotonic() - began > PASSING_S
            now = stack.is_leader, tuple(stack.settings.pools)
            if is_known and now != told:
                told = now
                on_change(None if stack.is_leader else stack.leader, stack.settings)
            time.sleep(LOOK_EVERY_S)
            # The dispatcher tells its log and tries again by itself.
            try:
                stack.tick()
            except OtherVersionError:
                raise
            except (StoreError, BrokerError):
                continue
