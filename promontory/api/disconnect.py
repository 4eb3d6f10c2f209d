"""A client that goes away, and a deadline, end the work for a request.

Most queries are over before it pays to look: nothing is watched for the first PATIENCE_S. The work runs in the task
of the request; what ends it cancels that task, as asyncio.timeout does, and says afterwards why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

from promontory.api.failure import ApiError
from promontory.errors import LimitError
from promontory.model.context import QueryContext

T = TypeVar("T")

PATIENCE_S = 0.02


async def guard(work: Awaitable[T], context: QueryContext, receive: Receive) -> T:
    """Wait for the work, but no longer than its deadline and the client's patience."""
    watch = _Watch(context, receive)
    try:
        return await work
    except asyncio.CancelledError:
        if (reason := watch.reason()) is not None:
            raise reason from None
        raise
    finally:
        await watch.close()


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has gone or the response is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Watch:
    def __init__(self, context: QueryContext, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._context = context
        self._receive = receive
        self._cancels_before = task.cancelling()
        self._gone: asyncio.Task[None] | None = None
        self._reason: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._arm(PATIENCE_S)

    def reason(self) -> Exception | None:
        """Return the error that says why the work was ended, None where somebody else canceled the task."""
        return None if self._task.cancelling() > self._cancels_before + 1 else self._reason

    async def close(self) -> None:
        """Look no more, and take back the cancellation that was ours.

        A client may leave as the work ends: its callback is under way then and cannot be removed, only be told.
        """
        self._is_over = True
        if self._reason is not None:
            self._task.uncancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._gone is not None:
            self._gone.cancel()
            await asyncio.gather(self._gone, return_exceptions=True)

    def _arm(self, longest_s: float | None) -> None:
        remaining_s = self._context.remaining_s()
        waits_s = [wait_s for wait_s in (longest_s, remaining_s) if wait_s is not None]
        if waits_s:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(waits_s)), self._look)

    def _look(self) -> None:
        remaining_s = self._context.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            self._context.stop[0] = 1
            self._end(LimitError("query timed out in expression evaluation", error_type="timeout"))
            return
        if self._gone is None:
            self._gone = asyncio.ensure_future(wait_for_disconnect(self._receive))
            self._gone.add_done_callback(self._end_canceled)
        self._arm(None)

    def _end_canceled(self, gone: asyncio.Task[None]) -> None:
        if not self._is_over:
            self._context.cancel()
            self._end(ApiError(499, "canceled", "the client went away"))

    def _end(self, reason: Exception) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()
