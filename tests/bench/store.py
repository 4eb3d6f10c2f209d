"""Figures of merging, reading and de-duplicating on one core, with the data they were taken on.

usage: python -m tests.bench.store [--series N] [--repetitions N]

12 block streams a replica, each 480 samples a series at 15 s with jitter, 120 a chunk, 8 labels a series; all in
memory. "merged" is `merge_frames` alone, "read" is everything from Frames to Samples with one kernel thread.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from promontory.chunk.encode import encode_series
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate, ChunkColumns, Encoding, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo
from promontory.model.time_range import ALL_TIME
from promontory.store.fanout import FanoutStore
from promontory.store.merge import merge_frames
from promontory.store.samples import read_samples

BLOCKS = 12
BLOCK_SAMPLES = 480
INTERVAL_MS = 15_000
FRAME_ROWS = 1000
REPLICA_LABELS = (b"replica",)


class BlockStream:
    """A Store over ready-made Frames."""

    def __init__(self, name: str, frames: list[Frame]) -> None:
        self._name = name
        self.frames = frames

    def describe(self) -> StoreInfo:
        """Return a name."""
        return StoreInfo(name=self._name, kind="store")

    async def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Yield the Frames."""
        for frame in self.frames:
            yield frame

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return nothing: not asked here."""
        return []

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return nothing: not asked here."""
        return []


def make_labels(series: int, context: QueryContext) -> LabelRows:
    """Return sorted label sets of eight labels."""
    common = {"__name__": "http_requests_total", "cluster": "eu-1", "env": "production", "job": "api", "zone": "b"}
    labels = [
        Labels.from_mapping(
            {**common, "code": str(200 + n % 3), "instance": f"10.0.{n % 50}.1:9100", "pod": f"p-{n:05d}"}
        )
        for n in range(series)
    ]
    return LabelRows.from_labels(sorted(labels), context.symbols)


def make_stream(rows: LabelRows, *, block: int, replica: int, context: QueryContext) -> BlockStream:
    """Return one block's stream; its chunks carry the replica as their source."""
    random = np.random.default_rng(block * 10 + replica)
    shape = (len(rows), BLOCK_SAMPLES)
    times = (block * BLOCK_SAMPLES + np.arange(BLOCK_SAMPLES)) * INTERVAL_MS + replica * 4000
    encoded = encode_series(
        np.arange(len(rows) + 1, dtype=np.int64) * BLOCK_SAMPLES,
        (times + random.integers(0, 30, shape)).reshape(-1),
        np.cumsum(random.poisson(50, shape), axis=1).astype(np.float64).reshape(-1),
    )
    source = context.symbols.intern(b'replica="%d"' % replica)
    frames = []
    for first in range(0, len(rows), FRAME_ROWS):
        last = min(first + FRAME_ROWS, len(rows))
        begin, end = np.searchsorted(encoded.row, [first, last])
        count = int(end - begin)
        base = int(encoded.start[begin])
        chunks = ChunkColumns(
            row=(encoded.row[begin:end] - first).astype(np.int32),
            min_ms=encoded.min_ms[begin:end],
            max_ms=encoded.max_ms[begin:end],
            aggregate=np.full(count, Aggregate.RAW, np.uint8),
            encoding=np.full(count, Encoding.XOR, np.uint8),
            buffer=np.zeros(count, np.int32),
            start=encoded.start[begin:end] - base,
            length=encoded.length[begin:end],
            source=np.full(count, source, np.int32),
        )
        data = encoded.data[base : int(encoded.start[end - 1] + encoded.length[end - 1])].copy()
        frames.append(Frame(rows.slice(first, last), chunks, (data,)))
    return BlockStream(f"replica {replica}, block {block}", frames)


async def measure(*, series: int, replicas: int, repetitions: int) -> None:
    """Print the figures of one shape of data."""
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        rows = make_labels(series, context)
        children = [
            make_stream(rows, block=block, replica=replica, context=context)
            for replica in range(replicas)
            for block in range(BLOCKS)
        ]
        everything = Selector(matchers=(), time_range=ALL_TIME)
        store = FanoutStore(lambda: children)
        merged_s = read_s = float("inf")
        for _ in range(repetitions):
            began_s = time.perf_counter()
            async for _frame in merge_frames([child.select(everything, context) for child in children], context):
                pass
            merged_s = min(merged_s, time.perf_counter() - began_s)
            began_s = time.perf_counter()
            kept = 0
            morsels = read_samples(store, everything, context, replica_labels=REPLICA_LABELS, deduplicate=True)
            async for samples in morsels:
                kept += len(samples.timestamps_ms)
            read_s = min(read_s, time.perf_counter() - began_s)
        count = series * BLOCKS * BLOCK_SAMPLES * replicas
        print(
            f"{replicas} replica(s) x {BLOCKS} blocks x {series} series, {count / 1e6:.1f} M samples:"
            f" merged {merged_s * 1000:.0f} ms ({series * BLOCKS * replicas / merged_s / 1e6:.1f} M rows/s),"
            f" read {read_s * 1000:.0f} ms ({count / read_s / 1e6:.0f} M samples/s), {kept / 1e6:.1f} M kept"
        )


def report(*, series: int = 2500, repetitions: int = 7) -> None:
    """Print the figures of one replica and of an HA pair."""
    for replicas in (1, 2):
        asyncio.run(measure(series=series, replicas=replicas, repetitions=repetitions))


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2500)
    parser.add_argument("--repetitions", type=int, default=7)
    settings = parser.parse_args()
    report(series=settings.series, repetitions=settings.repetitions)


if __name__ == "__main__":
    main()
