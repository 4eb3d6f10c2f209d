from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import MappingBucket
from promontory.errors import BucketUnavailable, ObjectNotFound
from promontory.service.metered_bucket import BucketMetrics, MeteredBucket, meter_bucket
from promontory.testing.bucket_contract import BucketContract
from promontory.testing.still_clock import START_MS, StillClock


class TestMeteredBucket(BucketContract):
    @pytest.fixture
    def bucket(self) -> MeteredBucket:
        return meter_bucket(MemoryBucket(StillClock()), BucketMetrics(CollectorRegistry(), StillClock()))


class TestMeteredDirectory(BucketContract):
    nests_objects = False

    @pytest.fixture
    def bucket(self, tmp_path_factory: pytest.TempPathFactory) -> MeteredBucket:
        inner = FilesystemBucket(tmp_path_factory.mktemp("bucket"))
        return meter_bucket(inner, BucketMetrics(CollectorRegistry(), StillClock()))


class DeafBucket(MemoryBucket):
    """Does not answer, and takes two seconds not to."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock)
        self.clock = clock

    async def get(self, key: str) -> bytes:
        await self.clock.sleep(2)
        raise BucketUnavailable("down", key=key, operation="get")


def value(registry: CollectorRegistry, name: str, operation: str) -> float | None:
    return registry.get_sample_value(
        f"thanos_objstore_bucket_operation{name}", {"bucket": "memory", "operation": operation}
    )


async def test_operations_failures_and_times_are_counted() -> None:
    registry, clock = CollectorRegistry(), StillClock()
    bucket = meter_bucket(DeafBucket(clock), BucketMetrics(registry, clock))
    assert value(registry, "s_total", "get") == 0
    await bucket.put("a", b"1")
    with pytest.raises(BucketUnavailable):
        await bucket.get("a")
    assert [info.key async for info in bucket.list()] == ["a"]
    assert value(registry, "s_total", "get") == value(registry, "_failures_total", "get") == 1
    assert value(registry, "_duration_seconds_count", "get") == 0
    assert value(registry, "s_total", "iter") == value(registry, "s_total", "upload") == 1
    uploaded = registry.get_sample_value("thanos_objstore_bucket_last_successful_upload_time", {"bucket": "memory"})
    assert uploaded == START_MS / 1000


async def test_an_object_that_is_not_there_is_no_failure() -> None:
    registry, clock = CollectorRegistry(), StillClock()
    bucket = meter_bucket(MemoryBucket(clock), BucketMetrics(registry, clock))
    with pytest.raises(ObjectNotFound):
        await bucket.info("a")
    assert value(registry, "s_total", "attributes") == 1
    assert value(registry, "_failures_total", "attributes") == 0


def test_what_maps_ranges_still_does(tmp_path: Path) -> None:
    metrics = BucketMetrics(CollectorRegistry(), StillClock())
    assert isinstance(meter_bucket(FilesystemBucket(tmp_path), metrics), MappingBucket)
    assert not isinstance(meter_bucket(MemoryBucket(StillClock()), metrics), MappingBucket)
