"""Nightmill: batches of LLM jobs on machines you own."""

from typing import TYPE_CHECKING, Any

from jobs.codes import ErrorCode
from jobs.errors import (
    BrokerError,
    InputError,
    NightmillError,
    NoModelError,
    SettingsError,
    StoppedEarlyError,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    from nightmill.async_client import AsyncClient
    from nightmill.client import Client
    from nightmill.result import Result, RowFault
    from nightmill.results import Results
    from nightmill.status import Status
    from nightmill.submitting import SubmitOptions

__all__ = [
    "AsyncClient",
    "BrokerError",
    "Client",
    "ErrorCode",
    "InputError",
    "NightmillError",
    "NoModelError",
    "Result",
    "Results",
    "RowFault",
    "SettingsError",
    "Status",
    "StoppedEarlyError",
    "StoreError",
    "SubmitOptions",
    "UsageError",
]

#: Imported when first asked for: the command line and every child come through here.
_HOMES = {
    "AsyncClient": "nightmill.async_client",
    "Client": "nightmill.client",
    "Result": "nightmill.result",
    "Results": "nightmill.results",
    "RowFault": "nightmill.result",
    "Status": "nightmill.status",
    "SubmitOptions": "nightmill.submitting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
