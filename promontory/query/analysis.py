"""Analysis: what a query did while it was run: of each place of its plan, of each of its selects, and in all.

CPU is that of the threads of the kernel pool. A select's is what it took to find, read and decode its samples; what
its pipelines did with them is their places'.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from promontory.model.context import EndpointTally, QueryContext, ReadTally
from promontory.model.frame import Frame
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo
from promontory.promql.execution.meters import Meter, MeteredPool, Meters
from promontory.promql.execution.operator import Batch
from promontory.store.merge import close_stream
from promontory.store.port import Store
from promontory.store.samples import Feed

Prepared = Iterable[Sequence[Batch]]


@dataclass(frozen=True, slots=True)
class SelectFigures:
    """What one select read.

    series and samples: as they were fed, replicas made one, within the time range · chunks and chunk_bytes: as the
    Store gave them · requests and read_bytes: byte ranges of buckets, calls and messages of endpoints, which
    `endpoints` tells apart
    """

    series: int
    chunks: int
    samples: int
    chunk_bytes: int
    requests: int
    read_bytes: int
    cpu_ns: int
    endpoints: Mapping[str, EndpointTally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis:
    """`places` are in the order of the plan's outline, `selects` in the plan's.

    `cpu_ns` is all that the pool did for the query; `peak_bytes` the most that it held at one time.
    """

    places: tuple[Meter, ...]
    selects: tuple[SelectFigures, ...]
    cpu_ns: int
    wall_s: float
    samples_read: int
    peak_samples: int
    peak_bytes: int


class Probe:
    """What watches one evaluation."""

    def __init__(self, context: QueryContext, *, selects: int) -> None:
        self.meters = Meters()
        self._whole = Meter()
        self.context = context.counting(MeteredPool(context.pool, self.meters, self._whole), None)
        self.selects = [SelectProbe(self.meters, self.context) for _ in range(selects)]

    def report(self, *, wall_s: float, samples_read: int, peak_samples: int) -> Analysis:
        """Return what was seen."""
        return Analysis(
            places=tuple(self.meters.places),
            selects=tuple(select.report() for select in self.selects),
            cpu_ns=self._whole.cpu_ns,
            wall_s=wall_s,
            samples_read=samples_read,
            peak_samples=peak_samples,
            peak_bytes=self.context.budget.peak_bytes,
        )


class SelectProbe:
    """What watches one select: its context counts reads and CPU; what comes of the Store and what is fed is counted."""

    def __init__(self, meters: Meters, context: QueryContext) -> None:
        self._meters = meters
        self._whole = Meter()
        self._fed = Meter()
        self._tally = ReadTally()
        self._seen = _Seen()
        self.context = context.counting(MeteredPool(context.pool, meters, self._whole), self._tally)

    def around_store(self, store: Store) -> Store:
        """Return a Store whose answers are counted."""
        return _WatchedStore(store, self._seen)

    def around_feed(self, feed: Feed[Prepared]) -> Feed[Prepared]:
        """Return a feed whose samples and CPU are counted."""
        return _WatchedFeed(feed, self._meters, self._fed, self._seen)

    def report(self) -> SelectFigures:
        """Return what was seen."""
        seen = self._seen
        return SelectFigures(
            series=seen.series,
            chunks=seen.chunks,
            samples=seen.samples,
            chunk_bytes=seen.chunk_bytes,
            requests=self._tally.requests,
            read_bytes=self._tally.read_bytes,
            cpu_ns=self._whole.cpu_ns - self._fed.cpu_ns,
            endpoints=self._tally.endpoints,
        )


class _Seen:
    """What came of a Store and what was fed; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.series = self.samples = self.chunks = self.chunk_bytes = 0

    def see_frame(self, frame: Frame) -> None:
        """Count what a Store gave."""
        self.chunks += len(frame.chunks.row)
        self.chunk_bytes += int(frame.chunks.length.sum())

    def see_samples(self, samples: Samples) -> None:
        """Count what is fed."""
        with self._lock:
            self.series += len(samples)
            self.samples += len(samples.timestamps_ms)


class _WatchedStore:
    """A Store whose answers are counted."""

    def __init__(self, store: Store, seen: _Seen) -> None:
        self._store = store
        self._seen = seen

    def describe(self) -> StoreInfo:
        """Return what the Store holds."""
        return self._store.describe()

    async def select(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        """Yield the matching series."""
        frames = self._store.select(selector, context)
        try:
            async for frame in frames:
                self._seen.see_frame(frame)
                yield frame
        finally:
            await close_stream(frames)

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the names of labels."""
        return await self._store.label_names(selector, context)

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the values of a label."""
        return await self._store.label_values(name, selector, context)


class _WatchedFeed:
    """A feed whose samples are counted, and its CPU with all that is measured within."""

    def __init__(self, feed: Feed[Prepared], meters: Meters, meter: Meter, seen: _Seen) -> None:
        self._feed = feed
        self._meters = meters
        self._meter = meter
        self._seen = seen

    @property
    def rows_at_once(self) -> int:
        """About how many series it wants at a time at most."""
        return self._feed.rows_at_once

    def prepare(self, samples: Samples) -> Prepared:
        """Return what is to be absorbed of a morsel."""
        self._seen.see_samples(samples)
        with self._spending():
            return self._feed.prepare(samples)

    def absorb(self, prepared: Prepared) -> None:
        """Take a morsel."""
        with self._spending():
            self._feed.absorb(prepared)

    @contextmanager
    def _spending(self) -> Iterator[None]:
        began_ns = time.thread_time_ns()
        try:
            yield
        finally:
            self._meters.spend(self._meter, time.thread_time_ns() - began_ns)
