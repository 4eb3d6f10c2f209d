"""Figures of the chunks of native histograms and of downsampled series on one core.

usage: python -m tests.bench.histograms [--repetitions N]
"""

from __future__ import annotations

import argparse
import gzip
import platform

import numpy as np

from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import encode_series
from promontory.chunk.encode_samples import SampleChunks, encode_samples
from promontory.model.frame import Aggregate, ChunkColumns, Frame
from promontory.model.histograms import POSITIVE, HistogramCells, Histograms
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.dedup import decode_frame
from tests.bench.kernels import best_s

SERIES, COUNT, BUCKETS = 200, 600, 30
RUNNING = np.zeros(1, np.uint8)


def make_samples(*, whole: bool) -> Samples:
    """Return counters of native histograms: each scrape adds to about half of the buckets."""
    rng = np.random.default_rng(1)
    symbols = SymbolTable()
    size = SERIES * COUNT
    counts = np.cumsum(rng.poisson(0.7, (SERIES, COUNT, BUCKETS)), axis=1).reshape(size, BUCKETS) + 1.0
    counts *= 1.0 if whole else 1.0 + 1.0 / 1024
    keys = POSITIVE + np.arange(BUCKETS, dtype=np.int32) - BUCKETS // 2
    total = counts.sum(axis=1)
    table = Histograms(
        schema=np.full(size, 3, np.int8), hint=np.zeros(size, np.uint8), bounds=np.zeros(size, np.int32),
        zero_threshold=np.full(size, 2.0**-128), zero_count=np.zeros(size), count=total, sum=total * 0.137,
        bucket_start=np.arange(size + 1) * BUCKETS, bucket_key=np.tile(keys, size), bucket_count=counts.ravel(),
        symbols=symbols,
    )  # fmt: skip
    labels = [Labels.from_mapping({"instance": f"host-{number:04d}"}) for number in range(SERIES)]
    return Samples(
        LabelRows.from_labels(labels, symbols), np.arange(SERIES + 1) * COUNT,
        np.tile(1_700_000_000_000 + np.arange(COUNT) * 15_000, SERIES), np.zeros(size),
        HistogramCells(np.arange(size, dtype=np.int32), table),
    )  # fmt: skip


def print_codec(name: str, samples: Samples, repetitions: int) -> None:
    """Print encoding and decoding of one kind of histograms."""
    count = len(samples.values)
    encoded = encode_samples(samples)
    chunks, symbols = encoded.columns(), samples.labels.symbols
    decoded = decode_samples(chunks, [encoded.data], symbols, ALL_TIME, RUNNING)
    assert decoded.histograms is not None
    assert np.array_equal(decoded.histograms.table.count, samples.histograms.table.count)  # type: ignore[union-attr]
    encode = count / best_s(lambda: encode_samples(samples), repetitions) / 1e6
    decode = count / best_s(lambda: decode_samples(chunks, [encoded.data], symbols, ALL_TIME, RUNNING), repetitions)
    squeezed = len(gzip.compress(encoded.data.tobytes(), 1)) / len(encoded.data)
    print(
        f"  {name:26s} {len(encoded.data) / count:6.1f} bytes a sample (gzip leaves {squeezed:.0%})"
        f"   decode {decode / 1e6:5.2f} M samples/s = {decode * BUCKETS / 1e6:4.0f} M buckets/s"
        f"   encode {encode:5.2f} M samples/s"
    )


def aggregate_frame(encoded: SampleChunks, rows: LabelRows, data: list[np.ndarray], kinds: list[Aggregate]) -> Frame:
    """Return chunks of several aggregates beside each other, as a downsampled block has them."""
    parts = [encoded.columns(aggregate=kind) for kind in kinds]
    for number, part in enumerate(parts):
        part.buffer[:] = number
    joined = ChunkColumns(*(np.concatenate([getattr(part, n) for part in parts]) for n in ChunkColumns.__slots__))
    return Frame(rows, joined.take(np.lexsort((joined.aggregate, joined.min_ms, joined.row))), tuple(data))


def print_aggregates(repetitions: int) -> None:
    """Print the reading of means and counters of downsampled series, and of as many raw floats."""
    rng = np.random.default_rng(2)
    size = SERIES * COUNT * 10
    rows = LabelRows.from_labels([Labels.from_mapping({"n": f"{n:05d}"}) for n in range(SERIES * 10)], SymbolTable())
    times = np.tile(1_700_000_000_000 + np.arange(COUNT) * 300_000, SERIES * 10)
    values = np.cumsum(rng.poisson(3, size)).astype(np.float64)
    samples = Samples(rows, np.arange(SERIES * 10 + 1) * COUNT, times, values)
    encoded = encode_samples(samples, samples_per_chunk=140)
    for name, kinds, asked in (
        ("raw floats", [Aggregate.RAW], (Aggregate.RAW,)),
        ("means: sum and count", [Aggregate.COUNT, Aggregate.SUM], (Aggregate.COUNT, Aggregate.SUM)),
        ("counters", [Aggregate.COUNTER], (Aggregate.COUNTER,)),
    ):
        frame = aggregate_frame(encoded, rows, [encoded.data] * len(kinds), kinds)

        def read(frame: Frame = frame, asked: tuple[Aggregate, ...] = asked) -> int:
            return len(decode_frame(frame, ALL_TIME, penalty=True, stop=RUNNING, aggregates=asked).samples.values)

        assert read() == size
        print(f"  {name:26s} {size / best_s(read, repetitions) / 1e6:4.0f} M samples/s")


def report(*, repetitions: int = 5) -> None:
    """Print all figures."""
    print(f"native histograms on one core, {platform.machine()}, best of {repetitions}")
    print(f"{SERIES} series x {COUNT} samples of {BUCKETS} buckets at 15 s, 120 samples a chunk")
    print_codec("whole numbers", make_samples(whole=True), repetitions)
    print_codec("floats", make_samples(whole=False), repetitions)
    floats = make_samples(whole=True)
    values = floats.histograms.table.count  # type: ignore[union-attr]
    seconds = best_s(lambda: encode_series(floats.row_start, floats.timestamps_ms, values), repetitions)
    print(f"  {'beside: XOR of the counts':26s} encode {len(values) / seconds / 1e6:.0f} M samples/s")
    print(f"downsampled chunks, {SERIES * 10} series x {COUNT} samples, 140 samples a chunk")
    print_aggregates(repetitions)


def main() -> None:
    """Print the figures with the defaults."""
    report()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.histograms")
    parser.add_argument("--repetitions", type=int, default=5)
    report(repetitions=parser.parse_args().repetitions)
