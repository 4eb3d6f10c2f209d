from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket, LocalBucket, MappingBucket, ObjectInfo
from promontory.bucket.prefix import PrefixBucket, take_part
from promontory.bucket.retry import RetryBucket, RetryPolicy
from promontory.errors import AccessDenied, BucketError, BucketUnavailable, InputError, ObjectExists, ObjectNotFound
from promontory.testing.bucket_contract import BucketContract
from tests.bucket.clock import StillClock


class TestMemoryBucket(BucketContract):
    @pytest.fixture
    def bucket(self) -> MemoryBucket:
        return MemoryBucket(StillClock())


class TestPrefixBucket(BucketContract):
    @pytest.fixture
    async def bucket(self) -> PrefixBucket:
        inner = MemoryBucket(StillClock())
        for key in ("team", "team/aa", "team/a", "zebra"):
            await inner.put(key, b"someone else's")
        return PrefixBucket(inner, "team/a")


class TestPartOfADirectory(BucketContract):
    nests_objects = False

    @pytest.fixture
    async def bucket(self, tmp_path_factory: pytest.TempPathFactory) -> PrefixBucket:
        inner = FilesystemBucket(tmp_path_factory.mktemp("bucket"))
        for key in ("team/aa", "team/b", "zebra"):
            await inner.put(key, b"someone else's")
        return take_part(take_part(inner, "team"), "a")


class TestRetryBucket(BucketContract):
    @pytest.fixture
    def bucket(self) -> RetryBucket:
        return retrying(FlakyBucket(StillClock(), failures_each=2), StillClock())


class FlakyBucket(MemoryBucket):
    """Fails the first `failures_each` calls of every operation on every key; breaks listings off in the middle."""

    def __init__(
        self, clock: StillClock, *, failures_each: int = 0, error: type[BucketError] = BucketUnavailable
    ) -> None:
        super().__init__(clock)
        self.calls: list[str] = []
        self.failures_each = failures_each
        self.error = error
        self.retry_after_s: float | None = None

    def fail(self, key: str, operation: str) -> None:
        call = f"{operation} {key}"
        self.calls.append(call)
        if self.calls.count(call) <= self.failures_each:
            if self.error is BucketUnavailable:
                raise BucketUnavailable("flaky", key=key, operation=operation, retry_after_s=self.retry_after_s)
            raise self.error("flaky", key=key, operation=operation)

    async def get(self, key: str) -> bytes:
        self.fail(key, "get")
        return await super().get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        self.fail(key, f"get_range {start} {end}")
        return await super().get_range(key, start, end)

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Fails only after the object has arrived: the answer is what gets lost."""
        await super().put(key, body, if_absent=if_absent)
        self.fail(key, "put")

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        position = 0
        async for found in super().list(prefix, recursive=recursive):
            yield found
            position += 1
            if position % 2 == 0:
                self.fail(found.key, "list")


def retrying(
    inner: Bucket, clock: StillClock, *, jitter: Callable[[], float] = lambda: 1.0, **bounds: float
) -> RetryBucket:
    return RetryBucket(inner, clock=clock, jitter=jitter, policy=RetryPolicy(budget_retries=10_000, **bounds))  # type: ignore[arg-type]


async def test_waits_double_up_to_the_longest_one() -> None:
    clock = StillClock()
    bucket = retrying(FlakyBucket(clock, failures_each=6), clock, first_wait_s=1.0, longest_wait_s=5.0)
    await MemoryBucket.put(bucket._inner, "a", b"x")  # type: ignore[arg-type]
    assert await bucket.get("a") == b"x"
    assert clock.slept_s == [1, 2, 4, 5, 5, 5]


async def test_the_wait_is_jittered_over_its_whole_width() -> None:
    clock = StillClock()
    draws = iter([0.5, 0.0])
    bucket = retrying(FlakyBucket(clock, failures_each=2), clock, jitter=lambda: next(draws), first_wait_s=1.0)
    with pytest.raises(ObjectNotFound):
        await bucket.get("a")
    assert clock.slept_s == [0.5, 0]


async def test_the_patience_that_a_server_asks_for_is_given() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=1)
    inner.retry_after_s = 30
    await retrying(inner, clock).put("a", b"x")
    assert clock.slept_s == [30]


async def test_more_patience_than_the_operation_has_is_an_error_at_once() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=1)
    inner.retry_after_s = 301
    with pytest.raises(BucketUnavailable):
        await retrying(inner, clock).put("a", b"x")
    assert clock.slept_s == []


async def test_a_range_is_given_up_before_a_querier_gives_up_the_store() -> None:
    clock = StillClock()
    bucket = retrying(FlakyBucket(clock, failures_each=99), clock, jitter=lambda: 1.0)
    with pytest.raises(BucketUnavailable):
        await bucket.get_range("key", 0, 1)
    assert 3.0 < sum(clock.slept_s) < 7.0


async def test_tries_are_bounded() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=100)
    with pytest.raises(BucketUnavailable, match="get 'a': flaky"):
        await retrying(inner, clock, tries=4).get("a")
    assert inner.calls == ["get a"] * 4


@pytest.mark.parametrize("error", [AccessDenied, ObjectNotFound, BucketError])
async def test_what_a_retry_cannot_help_is_not_tried_again(error: type[BucketError]) -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=1, error=error)
    with pytest.raises(error):
        await retrying(inner, clock).get("a")
    assert inner.calls == ["get a"]


async def test_of_many_ranges_only_those_that_failed_are_read_again() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=1)
    await MemoryBucket.put(inner, "a", b"0123456789")
    ranges = [(start, start + 1) for start in range(10)]
    assert await retrying(inner, clock).get_ranges("a", ranges) == [b"%d" % start for start in range(10)]
    assert len(inner.calls) == 20


async def test_a_bucket_that_is_down_soon_costs_one_try_each() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=10**9)
    policy = RetryPolicy(tries=5, budget_retries=8)
    bucket = RetryBucket(inner, clock=clock, jitter=lambda: 0.0, policy=policy)
    for number in range(20):
        with pytest.raises(BucketUnavailable):
            await bucket.get(str(number))
    assert len(inner.calls) == 20 + 8
    inner.failures_each = 0
    await inner.put("a", b"x")
    for _ in range(10):
        await bucket.get("a")
    inner.calls.clear()
    inner.failures_each = 1
    assert await bucket.get("a") == b"x"  # ten successes gave one retry back


async def test_a_try_without_an_answer_times_out_and_is_tried_again() -> None:
    class SilentOnce(MemoryBucket):
        is_silent = True

        async def get(self, key: str) -> bytes:
            if self.is_silent:
                self.is_silent = False
                await asyncio.Event().wait()
            return await super().get(key)

    clock = StillClock()
    inner = SilentOnce(clock)
    await inner.put("a", b"x")
    assert await retrying(inner, clock, try_timeout_s=0.01).get("a") == b"x"


async def test_a_conditional_put_that_arrived_unanswered_succeeds_only_for_its_own_body() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock, failures_each=1)
    bucket = retrying(inner, clock)
    await bucket.put("a", b"mine", if_absent=True)
    with pytest.raises(ObjectExists):
        await bucket.put("a", b"other", if_absent=True)


async def test_a_listing_that_broke_off_goes_on_without_repeating() -> None:
    clock = StillClock()
    inner = FlakyBucket(clock)
    for number in range(9):
        await inner.put(f"{number}", b"")
    inner.failures_each = 1
    inner.calls.clear()
    assert [found.key async for found in retrying(inner, clock).list()] == [f"{number}" for number in range(9)]
    assert len(clock.slept_s) == 4


@pytest.mark.parametrize("port", [MappingBucket, LocalBucket])
def test_a_part_is_on_local_disk_where_its_bucket_is(tmp_path: Path, port: type) -> None:
    assert isinstance(take_part(FilesystemBucket(tmp_path), "a"), port)
    assert not isinstance(take_part(MemoryBucket(StillClock()), "a"), port)


async def test_a_prefix_shows_only_what_lies_below_it(tmp_path: Path) -> None:
    inner = MemoryBucket(StillClock())
    bucket = PrefixBucket(inner, "team/a")
    await bucket.put("x/y", b"1")
    assert [found.key async for found in inner.list()] == ["team/a/x/y"]
    assert bucket.name == "memory/team/a"
    with pytest.raises(InputError, match="object key"):
        await bucket.get("../b")
    with pytest.raises(InputError, match="object key"):
        PrefixBucket(inner, "../b")
