"""Small answers at once: what is read, and what is left to the long way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from promontory.block.meta import BlockMeta
from promontory.block.tombstones import NO_TOMBSTONES
from promontory.bucket.port import LocalBucket
from promontory.kernels.crc32c import crc32c
from promontory.model.frame import Frame
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange
from promontory.store.block_index import BlockIndex
from promontory.store.block_series import BlockParts
from promontory.store.known_series import KnownSeries, KnownSeriesCache
from promontory.store.prompt_reads import read_now

ASKED = Selector((), TimeRange(10, 19))
PAYLOADS = [b"none", b"first", b"second", b"third", b"late"]


class Disk:
    """Objects in memory, and what was asked of them."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.asked: list[tuple[str, list[int], list[int]]] = []

    def read_cached(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> list[int] | None:
        """Fill each of `into`; None where there is no such object."""
        self.asked.append((key, list(starts), [len(view) for view in into]))
        if key not in self.objects:
            return None
        bodies = [self.objects[key][start : start + len(view)] for start, view in zip(starts, into, strict=True)]
        for body, view in zip(bodies, into, strict=True):
            view[: len(body)] = body
        return [len(body) for body in bodies]


def record(payload: bytes) -> bytes:
    body = b"\x01" + payload
    return bytes([len(payload)]) + body + int(crc32c(np.frombuffer(body, np.uint8), 0, len(body))).to_bytes(4, "big")


def site() -> tuple[BlockParts, KnownSeriesCache, Disk]:
    """A block with chunks in two segments, far from each other in the second one."""
    records = [record(payload) for payload in PAYLOADS]
    far = 100_000
    disk = Disk({"one": records[0] + records[1], "two": records[2] + bytes(far - len(records[2])) + records[3]})
    refs = [0, len(records[0]), 1 << 32, (1 << 32) + far, (1 << 32) + far + 50]
    known = KnownSeries(
        np.frombuffer(b"ax", np.uint8), np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([0, 1, 1]),
        np.array([1], np.int32), np.array([2], np.int32), np.zeros(2, np.int32),
        np.array([0, 0, 0, 1, 1], np.int32), np.array([0, 5, 12, 19, 20]), np.array([4, 10, 14, 40, 50]),
        np.array(refs), np.full(5, 200),
    )  # fmt: skip
    parts = BlockParts(BlockMeta("x", 0, 60), cast(BlockIndex, None), {0: "one", 1: "two"}, NO_TOMBSTONES, 0)
    cache = KnownSeriesCache()
    cache.keep(parts.known_key(ASKED), known)
    return parts, cache, disk


def read(parts: BlockParts, cache: KnownSeriesCache, disk: Disk) -> Frame | None:
    return read_now([parts], cache, cast(LocalBucket, disk), ASKED, SymbolTable())


def test_chunks_of_the_range_are_read_segment_by_segment() -> None:
    parts, cache, disk = site()
    frame = read(parts, cache, disk)
    assert frame is not None
    chunks = frame.chunks
    spans = zip(chunks.start.tolist(), chunks.length.tolist(), strict=True)
    assert [frame.buffers[0][start : start + length].tobytes() for start, length in spans] == PAYLOADS[1:4]
    assert chunks.row.tolist() == [0, 0, 1]
    assert [str(frame.labels.labels(row)) for row in range(2)] == ['{a="x"}', "{}"]
    assert [(key, len(starts)) for key, starts, _ in disk.asked] == [("one", 1), ("two", 2)]


def test_what_a_record_takes_is_learned() -> None:
    parts, cache, disk = site()
    for _ in range(2):
        assert read(parts, cache, disk) is not None
    assert [sizes for _, _, sizes in disk.asked[2:]] == [
        [len(record(b"first"))],
        [len(record(b"second")), len(record(b"third"))],
    ]


def test_what_is_not_known_gone_or_broken_is_left_to_the_long_way() -> None:
    parts, cache, disk = site()
    assert read(parts, KnownSeriesCache(), disk) is None
    disk.objects["two"] = disk.objects["two"][:-1]
    assert read(parts, cache, disk) is None
    del disk.objects["two"]
    assert read(parts, cache, disk) is None
