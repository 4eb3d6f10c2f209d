"""RetryBucket: tries again what a bucket could not answer, politely.

    wait before try n + 1  =  random in [0, min(longest_wait_s, first_wait_s * 2**n)]     (full jitter)
                              but at least what Retry-After asked for

Three bounds hold it: tries an operation, seconds an operation, and a budget of retries over all operations: ten
successes give one retry back. A bucket that is down so costs little more than one try each.
Only errors that are `retryable` are tried again. Source: AWS Architecture Blog "Exponential Backoff And Jitter";
gRPC retry throttling (gRFC A6).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.errors import BucketError, BucketUnavailable, ObjectExists
from promontory.model.clock import Clock

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The bounds of trying again.

    `longest_range_s` is for ranges, which queries wait for: a querier gives up a silent Store after 10 s, and then the
    cause would never be told.
    """

    tries: int = 10
    first_wait_s: float = 0.1
    longest_wait_s: float = 10.0
    longest_operation_s: float = 300.0
    longest_range_s: float = 7.0
    try_timeout_s: float = 150.0
    transfer_timeout_s: float = 3600.0
    budget_retries: int = 100
    successes_a_retry: int = 10


class RetryBucket:
    """A bucket whose operations are tried again within a policy. `jitter` gives numbers in [0, 1)."""

    def __init__(self, inner: Bucket, *, clock: Clock, jitter: Callable[[], float], policy: RetryPolicy) -> None:
        self._inner = inner
        self._clock = clock
        self._jitter = jitter
        self._policy = policy
        self._longest_credit = policy.budget_retries * policy.successes_a_retry
        self._credit = self._longest_credit

    @property
    def name(self) -> str:
        """The name of the inner bucket."""
        return self._inner.name

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        return await self._retry(lambda: self._inner.get(key), key, "get")

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        attempt = _Attempt(self._clock.monotonic_s(), self._policy.longest_range_s)
        return await self._try(lambda: self._inner.get_range(key, start, end), key, "get range", attempt)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object, each tried again for itself: of many, one fails nearly always."""
        return await map_concurrently(lambda span: self.get_range(key, *span), ranges)

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        return await self._retry(lambda: self._inner.info(key), key, "info")

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield objects in order; a listing that broke off is started again and goes on behind the last key."""
        last = ""
        attempt = self._begin()
        while True:
            try:
                async for found in self._inner.list(prefix, recursive=recursive):
                    if found.key > last:
                        last = found.key
                        attempt = self._begin()  # the bounds are for standing still
                        yield found
                self._succeed()
                return
            except BucketError as error:
                await self._wait(attempt, error)

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once. Where an earlier try had arrived unanswered, `if_absent` still succeeds."""
        if not if_absent:
            return await self._retry(lambda: self._inner.put(key, body), key, "put")
        tries = 0

        async def put_once() -> None:
            nonlocal tries
            tries += 1
            try:
                await self._inner.put(key, body, if_absent=True)
            except ObjectExists:
                if tries == 1 or await self._inner.get(key) != body:
                    raise

        return await self._retry(put_once, key, "put")

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        await self._retry(lambda: self._inner.upload(key, path), key, "upload", self._policy.transfer_timeout_s)

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        await self._retry(lambda: self._inner.download(key, path), key, "download", self._policy.transfer_timeout_s)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        await self._retry(lambda: self._inner.delete(key), key, "delete")

    async def close(self) -> None:
        """Release the connections of the inner bucket."""
        await self._inner.close()

    async def _retry(
        self, call: Callable[[], Awaitable[Result]], key: str, operation: str, timeout_s: float | None = None
    ) -> Result:
        return await self._try(call, key, operation, self._begin(), timeout_s)

    def _begin(self) -> _Attempt:
        return _Attempt(self._clock.monotonic_s(), self._policy.longest_operation_s)

    async def _try(
        self, call: Callable[[], Awaitable[Result]], key: str, operation: str, attempt: _Attempt,
        timeout_s: float | None = None,
    ) -> Result:  # fmt: skip
        limit_s = timeout_s or self._policy.try_timeout_s
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    result = await call()
                self._succeed()
                return result
            except TimeoutError as error:
                late = BucketUnavailable(f"no answer within {limit_s:g} s", key=key, operation=operation)
                late.__cause__ = error
                await self._wait(attempt, late)
            except BucketError as error:
                await self._wait(attempt, error)

    def _succeed(self) -> None:
        self._credit = min(self._longest_credit, self._credit + 1)

    async def _wait(self, attempt: _Attempt, error: BucketError) -> None:
        """Wait before the next try, or raise the error where there must be none."""
        policy = self._policy
        if not error.retryable or self._credit < policy.successes_a_retry:
            raise error
        attempt.count += 1
        ceiling_s = min(policy.longest_wait_s, policy.first_wait_s * 2 ** (attempt.count - 1))
        wait_s = self._jitter() * ceiling_s
        if isinstance(error, BucketUnavailable) and error.retry_after_s is not None:
            wait_s = max(wait_s, error.retry_after_s)
        passed_s = self._clock.monotonic_s() - attempt.start_s
        if attempt.count >= policy.tries or passed_s + wait_s > attempt.longest_s:
            raise error
        self._credit -= policy.successes_a_retry
        await self._clock.sleep(wait_s)


@dataclass(slots=True)
class _Attempt:
    start_s: float
    longest_s: float
    count: int = 0
