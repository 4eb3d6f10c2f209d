"""MemoryStore: a Store over series in memory, and a plain-Python XOR chunk encoder to fill it.

It does everything that the Store port asks, one value at a time, so that it can stand as the definition for the
stores that work in columns. It can also fail, stall, or come unsorted, for the tests of those who ask it.
Source of the encoder: Prometheus' chunk format (tsdb/docs/format/chunks.md), "XOR chunk data".
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xxhash

from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate, ChunkColumns, Encoding, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.selector import Selector, Shard
from promontory.model.store_info import StoreInfo
from promontory.model.time_range import TimeRange

WORD_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class MemoryChunk:
    """One encoded chunk; `source` as in ChunkColumns, as text."""

    min_ms: int
    max_ms: int
    data: bytes
    encoding: Encoding = Encoding.XOR
    aggregate: Aggregate = Aggregate.RAW
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class MemorySeries:
    """One series; its chunks in order of their start."""

    labels: Labels
    chunks: tuple[MemoryChunk, ...] = ()


@dataclass(slots=True)
class Fault:
    """What goes wrong: `error` is raised after `after_frames` Frames, once `gate` (if any) was opened.

    With a gate and no error the answer goes on once the gate opens. `reached` tells that the fault was met, and
    `ended` that the answer was given up or came to its end.
    """

    after_frames: int = 0
    error: Exception | None = None
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryStore:
    """Series in memory as a Store. `frame_rows` series go into a Frame; `ordered=False` keeps the given order."""

    def __init__(
        self,
        series: Sequence[MemorySeries],
        *,
        info: StoreInfo | None = None,
        frame_rows: int = 1000,
        fault: Fault | None = None,
        warnings: Sequence[str] = (),
        ordered: bool = True,
    ) -> None:
        self.series = list(series)
        self.info = info or StoreInfo(name="memory", kind="store")
        self.frame_rows = frame_rows
        self.fault = fault
        self.warnings = warnings
        self.ordered = ordered
        self.asked: list[Selector] = []

    def describe(self) -> StoreInfo:
        """Return what the constructor was given."""
        return self.info

    async def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Yield the matching series, `frame_rows` a Frame."""
        self.asked.append(selector)
        for text in self.warnings:
            context.warn(text)
        found = self._find(selector)
        starts = range(0, len(found), self.frame_rows)
        try:
            for number, start in enumerate(starts):
                await self._meet_fault(number)
                yield make_frame(found[start : start + self.frame_rows], context)
            await self._meet_fault(len(starts))
        finally:
            if self.fault is not None:
                self.fault.ended.set()

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted names of labels of matching series."""
        await self._meet_fault(0)
        for text in self.warnings:
            context.warn(text)
        found = self._find(replace(selector, limit=0))
        names = sorted({name for row in found for name, _ in row.labels.pairs})
        return names[: selector.limit or None]

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted values of one label among matching series."""
        await self._meet_fault(0)
        for text in self.warnings:
            context.warn(text)
        found = self._find(replace(selector, limit=0))
        values = sorted({row.labels.get(name) for row in found} - {b""})
        return values[: selector.limit or None]

    def _find(self, selector: Selector) -> list[MemorySeries]:
        found = []
        for row in self.series:
            chunks = tuple(chunk for chunk in row.chunks if _wanted(chunk, selector))
            if not all(matcher.matches(row.labels.get(matcher.name)) for matcher in selector.matchers):
                continue
            if row.chunks and not chunks:
                continue
            found.append(_strip(MemorySeries(row.labels, chunks), selector.without_replica_labels))
        if self.ordered:
            found.sort(key=lambda row: row.labels)
        if selector.shard is not None:
            found = [row for row in found if in_shard(row.labels, selector.shard)]
        if selector.skip_chunks:
            found = [MemorySeries(row.labels) for row in found]
        return _join(found)[: selector.limit or None]

    async def _meet_fault(self, frames: int) -> None:
        fault = self.fault
        if fault is None or frames != fault.after_frames:
            return
        fault.reached.set()
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.error is not None:
            raise fault.error


def make_series(
    labels: dict[str, str],
    timestamps_ms: Sequence[int],
    values: Sequence[float],
    *,
    samples_per_chunk: int = 120,
    source: bytes = b"",
) -> MemorySeries:
    """Return a series of XOR chunks that holds the samples."""
    chunks = []
    for start in range(0, len(timestamps_ms), samples_per_chunk):
        times = timestamps_ms[start : start + samples_per_chunk]
        data = encode_xor_chunk(times, values[start : start + samples_per_chunk])
        chunks.append(MemoryChunk(times[0], times[-1], data, source=source))
    return MemorySeries(Labels.from_mapping(labels), tuple(chunks))


def make_frame(series: Sequence[MemorySeries], context: QueryContext) -> Frame:
    """Return the series as one Frame with one buffer a series."""
    rows = [(row, chunk) for row, one in enumerate(series) for chunk in one.chunks]
    lengths = np.array([len(chunk.data) for _, chunk in rows], np.int64)
    buffers = tuple(
        np.frombuffer(b"".join(chunk.data for chunk in one.chunks), np.uint8) for one in series
    )  # fmt: skip
    ends = np.cumsum(lengths)
    row_of = np.array([row for row, _ in rows], np.int32)
    base = np.concatenate([[0], np.cumsum([len(buffer) for buffer in buffers])])[row_of] if rows else 0
    return Frame(
        labels=LabelRows.from_labels([one.labels for one in series], context.symbols),
        chunks=ChunkColumns(
            row=row_of,
            min_ms=np.array([chunk.min_ms for _, chunk in rows], np.int64),
            max_ms=np.array([chunk.max_ms for _, chunk in rows], np.int64),
            aggregate=np.array([chunk.aggregate for _, chunk in rows], np.uint8),
            encoding=np.array([chunk.encoding for _, chunk in rows], np.uint8),
            buffer=row_of,
            start=(ends - lengths - base).astype(np.int64),
            length=lengths,
            source=np.array([context.symbols.intern(chunk.source) for _, chunk in rows], np.int32),
        ),
        buffers=buffers,
    )


def read_series(frames: Sequence[Frame]) -> list[MemorySeries]:
    """Return Frames as values again, a series that goes on in the next Frame joined."""
    found: list[MemorySeries] = []
    for frame in frames:
        chunks = frame.chunks
        start = np.searchsorted(chunks.row, np.arange(len(frame.labels) + 1))
        for row in range(len(frame.labels)):
            found.append(
                MemorySeries(
                    frame.labels.labels(row),
                    tuple(_read_chunk(frame, index) for index in range(int(start[row]), int(start[row + 1]))),
                )
            )
    return _join(found)


def in_shard(labels: Labels, shard: Shard) -> bool:
    """Say whether a series belongs to the shard, by the reference library's xxHash64."""
    chosen = (pair for pair in labels.pairs if (pair[0] in shard.labels) is shard.by)
    text = b"".join(name + b"\xff" + value + b"\xff" for name, value in chosen)
    return xxhash.xxh64_intdigest(text) % shard.total == shard.index


def encode_xor_chunk(timestamps_ms: Sequence[int], values: Sequence[float]) -> bytes:
    """Return an XOR chunk's payload, bit by bit."""
    bits: list[str] = []
    leading, trailing = -1, 0
    time = delta = word = 0
    for index, (next_time, value) in enumerate(zip(timestamps_ms, values, strict=True)):
        next_word = struct.unpack(">Q", struct.pack(">d", value))[0]
        if index == 0:
            bits.append(_bits_of(_varint(_zigzag(next_time))))
            bits.append(f"{next_word:064b}")
        else:
            next_delta = next_time - time
            bits.append(_bits_of(_varint(next_delta)) if index == 1 else _delta_bits(next_delta - delta))
            text, leading, trailing = _value_bits(word ^ next_word, leading, trailing)
            bits.append(text)
            delta = next_delta
        time, word = next_time, next_word
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return struct.pack(">H", len(timestamps_ms)) + int("1" + text, 2).to_bytes(len(text) // 8 + 1, "big")[1:]


def _read_chunk(frame: Frame, index: int) -> MemoryChunk:
    chunks = frame.chunks
    start, length = int(chunks.start[index]), int(chunks.length[index])
    return MemoryChunk(
        min_ms=int(chunks.min_ms[index]),
        max_ms=int(chunks.max_ms[index]),
        data=frame.buffers[chunks.buffer[index]][start : start + length].tobytes(),
        encoding=Encoding(int(chunks.encoding[index])),
        aggregate=Aggregate(int(chunks.aggregate[index])),
        source=frame.labels.symbols.text(int(chunks.source[index])),
    )


def _wanted(chunk: MemoryChunk, selector: Selector) -> bool:
    return selector.time_range.overlaps(TimeRange(chunk.min_ms, chunk.max_ms)) and (
        chunk.aggregate is Aggregate.RAW or chunk.aggregate in selector.aggregates
    )


def _strip(series: MemorySeries, names: tuple[bytes, ...]) -> MemorySeries:
    gone = [(name, value) for name, value in series.labels.pairs if name in names]
    if not gone:
        return series
    text = b",".join(name + b'="' + value + b'"' for name, value in gone)
    chunks = tuple(replace(chunk, source=chunk.source or text) for chunk in series.chunks)
    return MemorySeries(series.labels.without(names), chunks)


def _join(series: Sequence[MemorySeries]) -> list[MemorySeries]:
    joined: list[MemorySeries] = []
    for one in series:
        if joined and joined[-1].labels == one.labels:
            chunks = sorted(joined[-1].chunks + one.chunks, key=lambda chunk: chunk.min_ms)
            joined[-1] = MemorySeries(one.labels, tuple(chunks))
        else:
            joined.append(one)
    return joined


def _varint(number: int) -> bytes:
    octets = []
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*octets, number])


def _zigzag(number: int) -> int:
    return (number << 1) ^ (number >> 63)


def _bits_of(octets: bytes) -> str:
    return "".join(f"{octet:08b}" for octet in octets)


def _delta_bits(change: int) -> str:
    if change == 0:
        return "0"
    for prefix, size in (("10", 14), ("110", 17), ("1110", 20)):
        if -(1 << (size - 1)) + 1 <= change <= 1 << (size - 1):
            return prefix + f"{change & ((1 << size) - 1):0{size}b}"
    return "1111" + f"{change & WORD_MASK:064b}"


def _value_bits(change: int, leading: int, trailing: int) -> tuple[str, int, int]:
    if change == 0:
        return "0", leading, trailing
    now_leading = min(64 - change.bit_length(), 31)
    now_trailing = (change & -change).bit_length() - 1
    if leading != -1 and now_leading >= leading and now_trailing >= trailing:
        return f"10{change >> trailing:0{64 - leading - trailing}b}", leading, trailing
    size = 64 - now_leading - now_trailing
    return f"11{now_leading:05b}{size & 63:06b}{change >> now_trailing:0{size}b}", now_leading, now_trailing
