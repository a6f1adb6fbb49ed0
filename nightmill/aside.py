"""Asking servers from code that does not wait for events."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")


def run_aside(work: Coroutine[Any, Any, Found]) -> Found:
    """Run a coroutine to its end in a thread of its own: the caller's may have a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
