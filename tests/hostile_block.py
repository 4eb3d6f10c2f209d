"""A small block of all encodings, and what becomes of its answers when bytes of it are damaged.

    python -m tests.hostile_block index flip [--bits 8]        every byte, one bit of each or all eight
    python -m tests.hostile_block chunks/000001 cut            every length

One rule: an answer of a damaged block equals that of the whole one, or lacks something and says so, naming the
block. It runs in a process of its own, so that a crash or a leak shows; the last line is a JSON object of counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from promontory.block.meta import META_FILE, ThanosMeta
from promontory.block.tombstones import TOMBSTONES_FILE
from promontory.block.writer import BlockWriter
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.catalog import Catalog
from promontory.chunk.encode_samples import encode_samples
from promontory.errors import BucketError, CorruptionError
from promontory.kernels.crc32c import crc32c
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Encoding
from promontory.model.histograms import HistogramCells, Histograms
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.bucket_store import BucketStore
from promontory.store.samples import read_samples
from promontory.testing.histogram_values import HistogramValue, histograms_of
from tests.golden.chunks import GoldenChunk, columns_of, read_golden_chunks

ULID = "01HF1Z4YQ0000000000000000A"
SEGMENT = "chunks/000001"
FILES = ("index", SEGMENT, "meta.json", "tombstones", "index-header")
EXTERNAL = {"replica": "a"}
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
FLOAT_SERIES, HISTOGRAM_SERIES, GOLDEN_SERIES = 25, 15, 10
SAMPLES, SAMPLES_PER_CHUNK = 7, 3
GOLDEN = [one for one in Encoding if one not in (Encoding.XOR, Encoding.AGGREGATES)]
# What reading a damaged file may add to the process, however large it claims to be.
MOST_GROWTH_BYTES = 200 << 20

Answer = dict[Labels, dict[int, object]]


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a file is damaged and what is left of it."""

    offset: int
    body: bytes


def make_block(directory: Path) -> Path:
    """Write the block: 50 series, floats, histograms and chunks of newer encodings, some samples deleted."""
    symbols = SymbolTable()
    thanos = ThanosMeta(labels=Labels.from_mapping(EXTERNAL), source="sidecar")
    with BlockWriter(directory, ulid=ULID, symbols=symbols, thanos=thanos, durable=False) as writer:
        samples = _samples(symbols)
        encoded = encode_samples(samples, samples_per_chunk=SAMPLES_PER_CHUNK)
        writer.add(samples.labels, encoded.columns(), (encoded.data,))
        golden = _golden_chunks()
        columns, data = columns_of(golden)
        low = np.array([min(sample.time_ms for sample in chunk.samples) for chunk in golden])
        high = np.array([max(sample.time_ms for sample in chunk.samples) for chunk in golden])
        names = [Labels.from_mapping({"__name__": "z", "i": f"{number:02d}"}) for number in range(len(golden))]
        writer.add(LabelRows.from_labels(names, symbols), replace(columns, min_ms=low, max_ms=high), (data,))
        writer.finish()
    block = directory / ULID
    refs = series_refs(block)
    deleted = [(refs[2], 0, 3_000), (refs[3], 0, 10**9), (refs[30], 4_000, 9_000), (refs[31], 2_500, 2_500)]
    content = b"".join(_uvarint(ref) + _uvarint(2 * low) + _uvarint(2 * high) for ref, low, high in deleted)
    checksum = int(crc32c(np.frombuffer(content, np.uint8), 0, len(content)))
    (block / TOMBSTONES_FILE).write_bytes(struct.pack(">IB", 0x0130BA30, 1) + content + checksum.to_bytes(4, "big"))
    return block


def damages(body: bytes, kind: str, *, bits: int) -> Iterator[Damage]:
    """Yield the file whole, then with each byte flipped (0, 1 or all bits of it, one by one), or cut at each length."""
    yield Damage(len(body), body)
    for offset in range(len(body)):
        if kind == "cut":
            yield Damage(offset, body[:offset])
            continue
        for bit in range(8) if bits == 8 else [offset * 5 % 8][:bits]:
            yield Damage(offset, body[:offset] + bytes([body[offset] ^ 1 << bit]) + body[offset + 1 :])


class DamagedBlock:
    """Reads a block after each damage to one of its files, and compares with what the whole block says."""

    def __init__(self, block: Path, file: str, pool: ThreadPoolExecutor) -> None:
        paths = (path for path in block.rglob("*") if path.is_file())
        self._files = {path.relative_to(block).as_posix(): path.read_bytes() for path in paths}
        self._file = file
        self._pool = pool
        self._headers = block.parent / "headers" if file == "index-header" else None
        self._bucket = MemoryBucket(SystemClock())
        self._store: BucketStore | None = None
        self.expected: Answer = {}
        self.counts: Counter[str] = Counter()

    async def run(self, kind: str, *, bits: int) -> None:
        """Read the block with each damage. Raises AssertionError where an answer is wrong."""
        await self.read_whole()
        kept = self._headers / ULID / self._file if self._headers else None
        body = kept.read_bytes() if kept else self._files[self._file]
        for damage in damages(body, kind, bits=bits):
            try:
                await self.read_with(damage.body)
            except Exception as error:
                raise AssertionError(f"{self._file}, {kind} at offset {damage.offset}: {error!r}") from error

    async def read_whole(self) -> Answer:
        """Return what the whole block says, which is expected from then on."""
        self.counts.clear()
        self._store = None
        for name, body in self._files.items():
            await self._bucket.put(f"{ULID}/{name}", body)
        self.expected, warnings = await self._read()
        assert not warnings
        assert len(self.expected) == FLOAT_SERIES + HISTOGRAM_SERIES + GOLDEN_SERIES - 1
        return self.expected

    async def read_with(self, body: bytes) -> tuple[Answer, list[str]]:
        """Return samples and warnings with the file replaced by `body`. Raises AssertionError where they are wrong."""
        await self._put(body)
        answer, warnings = await self._read()
        self._compare(answer, warnings)
        return answer, warnings

    async def _put(self, body: bytes) -> None:
        if self._headers is None:
            await self._bucket.put(f"{ULID}/{self._file}", body)
        else:
            (self._headers / ULID / self._file).write_bytes(body)

    async def _read(self) -> tuple[Answer, list[str]]:
        """Return all samples by time, and what the query warns of."""
        context = QueryContext(clock=SystemClock(), pool=self._pool)
        answer: Answer = {}
        try:
            store = await self._open()
            async for samples in read_samples(store, EVERYTHING, context, replica_labels=(), deduplicate=False):
                answer |= answer_of(samples)
            if self._file != SEGMENT:
                await self._ask_labels(store, context)
        except (CorruptionError, BucketError) as error:
            context.tolerate(error)
        assert context.budget.held_bytes == 0
        return answer, list(context.warnings)

    async def _open(self) -> BucketStore:
        """Return the block as a Store; opened once where only its chunks are damaged, which no Store keeps."""
        if self._store is None or self._file != SEGMENT:
            catalog = Catalog(self._bucket, clock=SystemClock())
            self._store = BucketStore(self._bucket, catalog, directory=self._headers)
            await self._store.sync()
        return self._store

    async def _ask_labels(self, store: BucketStore, context: QueryContext) -> None:
        every = replace(EVERYTHING, matchers=())
        names = await store.label_names(every, context)
        values = await store.label_values(b"i", every, context)
        if not context.warnings and self.expected:
            assert {b"__name__", b"i"} <= set(names), names
            assert values == [b"%02d" % number for number in range(FLOAT_SERIES)], values

    def _compare(self, answer: Answer, warnings: list[str]) -> None:
        if answer == self.expected:
            self.counts["equal and warned" if warnings else "equal"] += 1
            return
        if self._file == META_FILE and self._is_relabelled(answer):
            self.counts["relabelled"] += 1
            return
        assert warnings, "something is missing and nothing is said"
        assert all(ULID in warning or "series {" in warning for warning in warnings), warnings
        for labels, samples in answer.items():
            expected = self.expected[labels]
            assert all(expected[time_ms] == value for time_ms, value in samples.items()), f"other samples of {labels}"
        self.counts["in part" if answer else "nothing"] += 1

    def _is_relabelled(self, answer: Answer) -> bool:
        """Say whether only external labels differ: meta.json has no checksum, and any text is a label."""
        own = {labels.without({b"replica"}): samples for labels, samples in self.expected.items()}
        names = {name for labels in answer for name, _ in labels.pairs} - {b"__name__", b"i"}
        return len(names) <= 1 and {labels.without(names): samples for labels, samples in answer.items()} == own


def answer_of(samples: Samples) -> Answer:
    """Return samples as values by series and time; floats by their bits."""
    bits = samples.values.view(np.uint64).tolist()
    cells = samples.histograms
    index = [-1] * len(bits) if cells is None else cells.index.tolist()
    answer: Answer = {}
    for row in range(len(samples.labels)):
        span = range(int(samples.row_start[row]), int(samples.row_start[row + 1]))
        answer[samples.labels.labels(row)] = {
            int(samples.timestamps_ms[i]): _histogram(cells.table, index[i]) if cells and index[i] >= 0 else bits[i]
            for i in span
        }
    return answer


def _histogram(table: Histograms, row: int) -> object:
    """Return a histogram by its bits, less its reset hint: what it follows may be missing."""
    span = slice(table.bucket_start[row], table.bucket_start[row + 1])
    fields = (table.zero_threshold[row], table.zero_count[row], table.count[row], table.sum[row])
    bounds = table.symbols.text(int(table.bounds[row]))
    buckets = (table.bucket_key[span].tobytes(), table.bucket_count[span].tobytes())
    return int(table.schema[row]), bounds, np.array(fields).tobytes(), buckets


def _samples(symbols: SymbolTable) -> Samples:
    """Return 40 series of 7 samples: special floats, then histograms."""
    rng = np.random.default_rng(4)
    count = FLOAT_SERIES + HISTOGRAM_SERIES
    names = [
        Labels.from_mapping({"__name__": "f" if row < FLOAT_SERIES else "h", "i": f"{row % FLOAT_SERIES:02d}"})
        for row in range(count)
    ]
    times = np.tile(np.arange(SAMPLES) * 1_000, count) + rng.integers(0, 90, count * SAMPLES)
    values = rng.choice([1.0, 1.5, -0.0, np.inf, np.nan, 5e-324, 1e300, 7.0, 8.0], count * SAMPLES)
    held = np.repeat(np.arange(count) >= FLOAT_SERIES, SAMPLES)
    index = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
    table = histograms_of(
        [_value(row, sample) for row in range(HISTOGRAM_SERIES) for sample in range(SAMPLES)], symbols
    )
    row_start = np.arange(count + 1, dtype=np.int64) * SAMPLES
    rows = LabelRows.from_labels(names, symbols)
    return Samples(rows, row_start, times.astype(np.int64), values, HistogramCells(index, table))


def _value(row: int, sample: int) -> HistogramValue:
    counts = {index: float((sample + 1) * (row + index + 3)) for index in range(row % 4)}
    if row % 3 == 0:
        counts = {index: count + 0.5 for index, count in counts.items()}
    total = sum(counts.values())
    if row % 5 == 4:
        return HistogramValue(
            schema=-53, count=total, sum=1.5 * sample, positive=counts, custom_values=(0.5, 1.0, 7.25)
        )  # fmt: skip
    return HistogramValue(
        schema=row % 3, count=total + sample, sum=-0.5 * sample, zero_count=float(sample), zero_threshold=0.001,
        positive=counts,
    )  # fmt: skip


def _golden_chunks() -> list[GoldenChunk]:
    """Return two short chunks of each encoding, as Prometheus wrote them."""
    chunks = sorted((one for one in read_golden_chunks() if len(one.samples) > 1), key=lambda one: len(one.data))
    return [one for kind in GOLDEN for one in [chunk for chunk in chunks if chunk.encoding == kind][:2]]


def series_refs(block: Path) -> list[int]:
    """Return the refs of all series, by walking the section of series entries."""
    index = (block / "index").read_bytes()
    toc = struct.unpack(">6Q", index[-52:-4])
    refs, position = [], toc[1]
    while position < toc[2] and index[position + -position % 16] != 0:
        position += -position % 16
        size, after = index[position], position + 1
        if size >= 128:
            size, after = (size & 127) | index[position + 1] << 7, position + 2
        refs.append(position // 16)
        position = after + size + 4
    return refs


def _uvarint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def main() -> None:
    """Damage one file in every way of one kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile_block")
    parser.add_argument("file", choices=FILES)
    parser.add_argument("kind", choices=("flip", "cut"))
    parser.add_argument("--bits", type=int, choices=(1, 8), default=1, help="how many bits of each byte to flip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as pool:
        block = make_block(Path(directory))
        damaged = DamagedBlock(block, options.file, pool)
        asyncio.run(damaged.run("flip", bits=0))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        asyncio.run(damaged.run(options.kind, bits=options.bits))
        grown_bytes = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown_bytes <= MOST_GROWTH_BYTES, f"the process grew by {grown_bytes} bytes"
    json.dump({**damaged.counts, "grown_bytes": grown_bytes}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
