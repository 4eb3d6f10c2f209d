"""Waiting for work that can be told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from promontory.errors import StoppedError

STOP_POLL_S = 0.2

Result = TypeVar("Result")


async def await_unless(stop: Callable[[], bool], work: Coroutine[object, object, Result], *, what: str) -> Result:
    """Return what is awaited, or cancel it soon after it was told to stop. Raises StoppedError."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=STOP_POLL_S))[0]:
            if stop():
                raise StoppedError(f"{what}: told to stop before its end")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
