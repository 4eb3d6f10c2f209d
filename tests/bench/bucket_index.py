"""A cold start over 10,000 blocks, and the sync after it: requests and time with a bucket index and without.

usage: python -m tests.bench.bucket_index [--blocks N] [--request-ms N] [--page-ms N]

The bucket is in memory, and each request takes a while longer, as one over a network does; nothing is asked of a block
but what a catalog asks.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator

from promontory.block.meta import BlockFile, BlockMeta, BlockStats, Compaction, ParentBlock, ThanosMeta, render_meta
from promontory.block.ulid import make_ulid
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, BucketIndex
from promontory.catalog.catalog import Catalog
from promontory.catalog.index_object import FRESH_MS, write_bucket_index
from promontory.model.labels import Labels
from promontory.testing.still_clock import START_MS, StillClock

RANGE_MS = 7_200_000
PAGE = 1000
# Sources and segments of a block of levels 1 to 4.
LEVELS = ((1, 1), (4, 1), (24, 3), (168, 12))


class DistantBucket(MemoryBucket):
    """Counts requests and lets each wait; a listing is one for each thousand entries."""

    def __init__(self, *, request_s: float, page_s: float) -> None:
        super().__init__(StillClock())
        self.request_s = request_s
        self.page_s = page_s
        self.reads = 0
        self.infos = 0
        self.pages = 0

    async def get(self, key: str) -> bytes:
        self.reads += 1
        await asyncio.sleep(self.request_s)
        return await super().get(key)

    async def info(self, key: str) -> ObjectInfo:
        self.infos += 1
        await asyncio.sleep(self.request_s)
        return await super().info(key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        count = 0
        async for found in super().list(prefix, recursive=recursive):
            if count % PAGE == 0:
                self.pages += 1
                await asyncio.sleep(self.page_s)
            count += 1
            yield found

    def claim(self, key: str, size_bytes: int) -> None:
        """Have an object of a size without its bytes."""
        self._objects[key] = (b"", ObjectInfo(key, size_bytes, START_MS, "d41d8cd98f00b204e9800998ecf8427e-33"))


def meta_of(number: int) -> BlockMeta:
    source_count, segment_count = LEVELS[number % len(LEVELS)]
    start_ms = START_MS - number * RANGE_MS
    sources = [make_ulid(start_ms - place, number.to_bytes(10, "big")) for place in range(source_count)]
    segments = tuple(f"{segment + 1:06}" for segment in range(segment_count))
    files = (*(BlockFile(f"chunks/{name}", 512 << 20) for name in segments), BlockFile("index", 123_456_789))
    return BlockMeta(
        ulid=sources[0],
        min_time_ms=start_ms,
        max_time_ms=start_ms + RANGE_MS,
        stats=BlockStats(sample_count=10**8, series_count=10**5, chunk_count=10**6),
        compaction=Compaction(
            1 + number % len(LEVELS), tuple(sources), tuple(ParentBlock(ulid, 0, 1) for ulid in sources[1:15])
        ),
        thanos=ThanosMeta(
            Labels.from_mapping({"cluster": f"c{number % 50}", "region": "eu-west-1", "replica": "a"}),
            source="sidecar", files=(*files, BlockFile("meta.json")), segment_files=segments, upload_time_ms=START_MS,
        ),
    )  # fmt: skip


async def fill(bucket: DistantBucket, count: int) -> None:
    for number in range(count):
        meta = meta_of(number)
        await bucket.put(f"{meta.ulid}/meta.json", render_meta(meta))
        for file in meta.thanos.files if meta.thanos else ():
            if file.size_bytes is not None:
                bucket.claim(f"{meta.ulid}/{file.path}", file.size_bytes)


async def measure(bucket: DistantBucket, what: str, *, index_fresh_ms: int) -> Catalog:
    """Sync a new catalog twice and print what that took."""
    catalog = Catalog(bucket, clock=StillClock(), index_fresh_ms=index_fresh_ms)
    for sync in ("cold start", "next sync"):
        bucket.reads = bucket.infos = bucket.pages = 0
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await catalog.sync()
        wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        asked = f"{bucket.infos:>3} infos {bucket.reads:>7,} reads {bucket.pages:>4} pages"
        print(f"{sync:<11} {what:<8} {asked} {wall_s:7.2f} s, {cpu_s:.2f} s of a core")
    return catalog


async def run(count: int, *, request_s: float, page_s: float) -> None:
    """Print the table."""
    bucket = DistantBucket(request_s=request_s, page_s=page_s)
    await fill(bucket, count)
    catalog = await measure(bucket, "listing", index_fresh_ms=0)
    began_s = time.perf_counter()
    await write_bucket_index(bucket, BucketIndex.of_view(catalog.view, writer="bench"), clock=StillClock())
    written_s, size_bytes = time.perf_counter() - began_s, len(await bucket.get(BUCKET_INDEX_KEY))
    print(f"index of {count:,} blocks: {size_bytes / 1e6:.1f} MB, written in {written_s:.2f} s")
    await measure(bucket, "index", index_fresh_ms=FRESH_MS)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bucket_index")
    parser.add_argument("--blocks", type=int, default=10_000)
    parser.add_argument("--request-ms", type=float, default=30)
    parser.add_argument("--page-ms", type=float, default=100)
    flags = parser.parse_args()
    asyncio.run(run(flags.blocks, request_s=flags.request_ms / 1000, page_s=flags.page_ms / 1000))


if __name__ == "__main__":
    main()
