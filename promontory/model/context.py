"""QueryContext: what one query carries through every layer.

Deadline, stop flag (polled by kernels a series), memory budget, symbol table, partial-response choice, warnings.
A peer's failure is data: `tolerate` is the one place where it becomes a warning or an error.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np

from promontory.errors import LimitError, PromontoryError
from promontory.model.clock import Clock
from promontory.model.matcher import Matcher
from promontory.model.symbols import SymbolTable

P = ParamSpec("P")
R = TypeVar("R")

UNLIMITED_BYTES = 1 << 62


class Budget:
    """Bytes that one query may hold; thread-safe."""

    def __init__(self, limit_bytes: int = UNLIMITED_BYTES, *, flag: str = "--query.max-memory") -> None:
        self._lock = threading.Lock()
        self._limit_bytes = limit_bytes
        self._flag = flag
        self.held_bytes = 0
        self.peak_bytes = 0

    def charge(self, size_bytes: int) -> None:
        """Take bytes. Raises LimitError where the query would hold more than its limit."""
        with self._lock:
            self.held_bytes += size_bytes
            self.peak_bytes = max(self.peak_bytes, self.held_bytes)
            held = self.held_bytes
        if held > self._limit_bytes:
            raise LimitError(
                f"query would hold {held} bytes in memory, more than the limit of {self._limit_bytes} ({self._flag})"
            )

    def release(self, size_bytes: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.held_bytes -= size_bytes


@dataclass(slots=True)
class EndpointTally:
    """Messages and bytes that came of one endpoint."""

    responses: int = 0
    read_bytes: int = 0


class ReadTally:
    """Byte ranges asked for, bytes got, and what came of which endpoint; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.read_bytes = 0
        self.endpoints: dict[str, EndpointTally] = {}

    def count(self, *, requests: int, read_bytes: int) -> None:
        """Count what was read of a bucket."""
        with self._lock:
            self.requests += requests
            self.read_bytes += read_bytes

    def count_asked(self, endpoint: str) -> None:
        """Count a call of an endpoint."""
        with self._lock:
            self.requests += 1
            self.endpoints.setdefault(endpoint, EndpointTally())

    def count_message(self, endpoint: str, *, read_bytes: int) -> None:
        """Count a message that came of an endpoint that was asked."""
        with self._lock:
            self.read_bytes += read_bytes
            self.endpoints[endpoint].responses += 1
            self.endpoints[endpoint].read_bytes += read_bytes


class QueryContext:
    """One query's deadline, stop flag, budget, symbols and warnings.

    `stop` is uint8[1]: non-zero makes kernels return early. `pool` runs kernels; the event loop never does.
    `store_matchers`, where there are any, restrict a fan-out to Stores that fulfil all matchers of one of the sets
    (Thanos' storeMatch[]: matchers on `__address__` and on the label sets a Store announces).
    """

    def __init__(
        self,
        *,
        clock: Clock,
        pool: Executor,
        timeout_s: float | None = None,
        budget: Budget | None = None,
        partial_response: bool = True,
        tenant: str = "",
        store_matchers: tuple[tuple[Matcher, ...], ...] = (),
    ) -> None:
        self.symbols = SymbolTable()
        self.clock = clock
        self.pool = pool
        self.deadline_s = None if timeout_s is None else clock.monotonic_s() + timeout_s
        self.budget = budget or Budget()
        self.partial_response = partial_response
        self.tenant = tenant
        self.store_matchers = store_matchers
        self.stop = np.zeros(1, np.uint8)
        self.warnings: dict[str, None] = {}
        # An array, as `counting` makes contexts that share it.
        self._canceled = np.zeros(1, np.bool_)
        self.tally: ReadTally | None = None
        """What was read of buckets and endpoints, where somebody wants to know."""

    def warn(self, text: str) -> None:
        """Note a warning once."""
        self.warnings.setdefault(text)

    def tolerate(self, error: PromontoryError) -> None:
        """Turn the failure of a part into a warning under partial response; raise it otherwise."""
        if not self.partial_response:
            raise error
        self.warn(str(error))

    def cancel(self) -> None:
        """Stop all work on this query; the client has gone."""
        self._canceled[0] = True
        self.stop[0] = 1

    def remaining_s(self) -> float | None:
        """Return the seconds left, None where there is no deadline."""
        return None if self.deadline_s is None else self.deadline_s - self.clock.monotonic_s()

    def check(self) -> None:
        """Raise LimitError where the query was canceled or is past its deadline."""
        if self._canceled[0]:
            raise LimitError("query was canceled in expression evaluation", error_type="canceled")
        remaining_s = self.remaining_s()
        if remaining_s is not None and remaining_s <= 0:
            self.stop[0] = 1
            raise LimitError("query timed out in expression evaluation", error_type="timeout")

    def counting(self, pool: Executor, tally: ReadTally | None) -> QueryContext:
        """Return the same query, whose work runs in another pool and whose reads are counted."""
        context = copy.copy(self)
        context.pool = pool
        context.tally = tally
        return context

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in the kernel pool."""
        self.check()
        return await asyncio.get_running_loop().run_in_executor(self.pool, lambda: work(*args, **kwargs))
