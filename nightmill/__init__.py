"""Nightmill: batches of LLM jobs on machines you own."""

from typing import TYPE_CHECKING, Any

from jobs.errors import (
    BrokerError,
    InputError,
    NightmillError,
    NoModelError,
    PausedError,
    SettingsError,
    StoppedEarlyError,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    from nightmill.client import Client
    from nightmill.result import Result, RowFault
    from nightmill.status import Status

__all__ = [
    "BrokerError",
    "Client",
    "InputError",
    "NightmillError",
    "NoModelError",
    "PausedError",
    "Result",
    "RowFault",
    "SettingsError",
    "Status",
    "StoppedEarlyError",
    "StoreError",
    "UsageError",
]

#: Imported when first asked for: the command line and every child come through here.
_HOMES = {
    "Client": "nightmill.client",
    "Result": "nightmill.result",
    "RowFault": "nightmill.result",
    "Status": "nightmill.status",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
