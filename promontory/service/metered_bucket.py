"""MeteredBucket: a bucket whose operations are counted and timed, under the names that Thanos' alerts read.

    thanos_objstore_bucket_operations_total            {bucket, operation}
    thanos_objstore_bucket_operation_failures_total    {bucket, operation}
    thanos_objstore_bucket_operation_duration_seconds  {bucket, operation}
    thanos_objstore_bucket_last_successful_upload_time {bucket}

One rule: an object that is not there, or that is there already, is an answer and no failure.
Source: thanos-io/objstore objstore.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from promontory.bucket.port import Bucket, MappingBucket, ObjectInfo
from promontory.errors import BucketError, ObjectExists, ObjectNotFound
from promontory.model.clock import Clock

OPERATIONS = ("iter", "get", "get_range", "attributes", "upload", "delete")
OPERATION_SECONDS = (0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120)

Bodies = list[bytes]
Views = list[memoryview]  # `list` means the method inside the class


class BucketMetrics:
    """The metric families of the buckets of one service."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        labels = ("bucket", "operation")
        self._operations = Counter(
            "thanos_objstore_bucket_operations", "Operations on the bucket.", labels, registry=registry
        )
        self._failures = Counter(
            "thanos_objstore_bucket_operation_failures", "Those that failed.", labels, registry=registry
        )
        self._seconds = Histogram(
            "thanos_objstore_bucket_operation_duration_seconds", "Time of those that did not.", labels,
            buckets=OPERATION_SECONDS, registry=registry,
        )  # fmt: skip
        self._uploaded = Gauge(
            "thanos_objstore_bucket_last_successful_upload_time", "When the last object was written.", ("bucket",),
            registry=registry,
        )  # fmt: skip

    def prepare(self, bucket: str) -> None:
        """Show a bucket's counters before anything is counted."""
        self._uploaded.labels(bucket)
        for operation in OPERATIONS:
            self._operations.labels(bucket, operation)
            self._failures.labels(bucket, operation)
            self._seconds.labels(bucket, operation)

    @contextmanager
    def measure(self, bucket: str, operation: str) -> Iterator[None]:
        """Count and time what runs inside."""
        begin_s = self._clock.monotonic_s()
        self._operations.labels(bucket, operation).inc()
        try:
            yield
        except (ObjectNotFound, ObjectExists):
            raise
        except BucketError:
            self._failures.labels(bucket, operation).inc()
            raise
        self._seconds.labels(bucket, operation).observe(self._clock.monotonic_s() - begin_s)
        if operation == "upload":
            self._uploaded.labels(bucket).set(self._clock.now_ms() / 1000)


def meter_bucket(inner: Bucket, metrics: BucketMetrics) -> MeteredBucket:
    """Return the bucket with its operations measured; it maps ranges where the bucket does."""
    return MeteredMappingBucket(inner, metrics) if isinstance(inner, MappingBucket) else MeteredBucket(inner, metrics)


class MeteredBucket:
    """A bucket that tells its metrics what it does."""

    def __init__(self, inner: Bucket, metrics: BucketMetrics) -> None:
        self._inner = inner
        self._metrics = metrics
        metrics.prepare(inner.name)

    @property
    def name(self) -> str:
        """The inner name."""
        return self._inner.name

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        with self._metrics.measure(self.name, "get"):
            return await self._inner.get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        with self._metrics.measure(self.name, "get_range"):
            return await self._inner.get_range(key, start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Bodies:
        """Return several ranges of one object; they count as one operation."""
        with self._metrics.measure(self.name, "get_range"):
            return await self._inner.get_ranges(key, ranges)

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        with self._metrics.measure(self.name, "attributes"):
            return await self._inner.info(key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield objects; the whole listing is one operation, whose time is its reader's too."""
        with self._metrics.measure(self.name, "iter"):
            async for found in self._inner.list(prefix, recursive=recursive):
                yield found

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once."""
        with self._metrics.measure(self.name, "upload"):
            await self._inner.put(key, body, if_absent=if_absent)

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        with self._metrics.measure(self.name, "upload"):
            await self._inner.upload(key, path)

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        with self._metrics.measure(self.name, "get"):
            await self._inner.download(key, path)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        with self._metrics.measure(self.name, "delete"):
            await self._inner.delete(key)

    async def close(self) -> None:
        """Release the connections of the inner bucket."""
        await self._inner.close()


class MeteredMappingBucket(MeteredBucket):
    """The same of a bucket that maps ranges, made by `meter_bucket`."""

    async def map_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Views:
        """Return several ranges of one object; large ones are views of the page cache."""
        assert isinstance(self._inner, MappingBucket)
        with self._metrics.measure(self.name, "get_range"):
            return await self._inner.map_ranges(key, ranges)
