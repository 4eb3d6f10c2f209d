"""Aggregate chunks are split into the chunks that are asked for."""

from __future__ import annotations

import numpy as np

from promontory.chunk.aggregate_parts import split_chunks
from promontory.model.frame import Aggregate, ChunkColumns, Encoding


def payload(parts: list[bytes | None]) -> bytes:
    return b"".join(b"\0" if part is None else bytes([len(part), 1]) + part for part in parts)


def columns(payloads: list[bytes], encodings: list[int]) -> tuple[ChunkColumns, tuple[np.ndarray, ...]]:  # type: ignore[type-arg]
    count = len(payloads)
    length = np.array([len(one) for one in payloads], np.int64)
    chunks = ChunkColumns(
        row=np.arange(count, dtype=np.int32), min_ms=np.arange(count), max_ms=np.arange(count) + 5,
        aggregate=np.zeros(count, np.uint8), encoding=np.array(encodings, np.uint8), buffer=np.zeros(count, np.int32),
        start=np.cumsum(length) - length, length=length, source=np.zeros(count, np.int32),
    )  # fmt: skip
    return chunks, (np.frombuffer(b"".join(payloads), np.uint8),)


def read(chunks: ChunkColumns, buffers: tuple[np.ndarray, ...]) -> list[tuple[int, int, bytes]]:  # type: ignore[type-arg]
    spans = zip(chunks.row.tolist(), chunks.aggregate.tolist(), chunks.start, chunks.length, strict=True)
    return [(row, kind, buffers[0][start : start + size].tobytes()) for row, kind, start, size in spans]


def test_the_asked_parts_become_chunks_and_raw_chunks_stay() -> None:
    both = [payload([b"count", b"sum", None, b"max", b"counter"]), b"raw", payload([b"c", None, None, None, None])]
    chunks, buffers = columns(both, [Encoding.AGGREGATES, Encoding.XOR, Encoding.AGGREGATES])
    split, unserved = split_chunks(chunks, buffers, (Aggregate.COUNT, Aggregate.MAX))
    assert read(split, buffers) == [(0, 1, b"count"), (0, 4, b"max"), (1, 0, b"raw"), (2, 1, b"c")]
    assert set(split.encoding.tolist()) == {Encoding.XOR}
    assert unserved.tolist() == []


def test_chunks_without_an_asked_part_are_told() -> None:
    chunks, buffers = columns([payload([b"c", None, None, None, None])], [Encoding.AGGREGATES])
    for asked in ((Aggregate.RAW,), (Aggregate.SUM, Aggregate.MIN)):
        split, unserved = split_chunks(chunks, buffers, asked)
        assert len(split) == 0
        assert unserved.tolist() == [0]


def test_a_counter_part_may_be_missing_altogether_and_other_cuts_are_broken() -> None:
    whole = payload([b"c", b"s", b"m", b"x", b"n"])
    without_counter = payload([b"c", b"s", b"m", b"x"])
    for size in range(len(whole)):
        chunks, buffers = columns([whole[:size]], [Encoding.AGGREGATES])
        _, unserved = split_chunks(chunks, buffers, (Aggregate.COUNT,))
        assert unserved.tolist() == ([] if size == len(without_counter) else [0])
