"""Figures of the chunk kernels on one core, with the data they were taken on.

usage: python -m tests.bench.kernels [--series N] [--repetitions N]

Decoding goes the way of a query: morsels of a segment's records, every CRC32C checked, then `decode_chunks` with all
its bounds. Best of the repetitions, because the machine is shared.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.chunk.decode import decode_chunks, locate_buffers
from promontory.chunk.encode import EncodedChunks, encode_series
from promontory.kernels.chunk_records import check_records
from promontory.kernels.chunk_write import RECORD_ROOM, write_records
from promontory.kernels.crc32c import crc32c
from promontory.model.clock import SystemClock
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.bench.data import FAMILIES, GeneratedSeries, generate

SAMPLES = 5760
MORSEL_CHUNKS = 500
MUST_DECODE = {True: 150, False: 220}
MUST_ENCODE = 100
MUST_WRITE = 3


def best_s(call: Callable[[], object], repetitions: int) -> float:
    """Return the shortest wall time of a call."""
    best = float("inf")
    for _ in range(repetitions):
        began_s = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began_s)
    return best


def to_samples(series: list[GeneratedSeries]) -> Samples:
    """Return whole series as columns, in label order."""
    ordered = sorted(series, key=lambda one: one.labels)
    return Samples(
        labels=LabelRows.from_labels([one.labels for one in ordered], SymbolTable()),
        row_start=np.arange(len(ordered) + 1, dtype=np.int64) * SAMPLES,
        timestamps_ms=np.concatenate([one.timestamps_ms for one in ordered]),
        values=np.concatenate([one.values for one in ordered]),
    )


def to_records(encoded: EncodedChunks) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of a segment and int64[c + 1]: where its records begin."""
    chunks = encoded.columns()
    out = np.zeros(len(encoded.data) + RECORD_ROOM * len(chunks), np.uint8)
    position = np.zeros(len(chunks) + 1, np.int64)
    columns = (chunks.buffer, chunks.start, chunks.length, chunks.encoding)
    write_records(*locate_buffers([encoded.data]), *columns, out, position)
    return out[: position[-1]].copy(), position


def read_morsels(segment: np.ndarray, position: np.ndarray, chunks: ChunkColumns) -> int:
    """Check and decode all records, some at a time; return how many samples came."""
    count = 0
    for first in range(0, len(chunks), MORSEL_CHUNKS):
        index = np.arange(first, min(first + MORSEL_CHUNKS, len(chunks)))
        morsel = chunks.take(index)
        status = np.empty(len(index), np.uint8)
        check_records(segment, position[index], status, morsel.encoding, morsel.start, morsel.length)
        assert not status.any()
        count += len(decode_chunks(morsel, [segment]).values)
    return count


def print_codec(name: str, samples: Samples, *, jitter: bool, repetitions: int) -> None:
    """Print encoding and decoding of one family, or of all."""
    columns = (samples.row_start, samples.timestamps_ms, samples.values)
    encoded = encode_series(*columns)
    segment, position = to_records(encoded)
    chunks = encoded.columns()
    count = len(samples.values)
    assert read_morsels(segment, position, chunks) == count
    encode = count / best_s(lambda: encode_series(*columns), repetitions) / 1e6
    decode = count / best_s(lambda: read_morsels(segment, position, chunks), repetitions) / 1e6
    must = f" (must: decode {MUST_DECODE[jitter]}, encode {MUST_ENCODE})" if name == "all families" else ""
    print(
        f"  {name:20s} {len(encoded.data) / count:5.2f} bytes a sample   decode with CRC {decode:4.0f} M samples/s"
        f"   encode {encode:4.0f} M samples/s{must}"
    )


def print_crc(repetitions: int) -> None:
    """Print the speed of the checksum."""
    data = np.random.default_rng(1).integers(0, 256, 64 << 20, np.uint8)
    speed = len(data) / best_s(lambda: crc32c(data, 0, len(data)), repetitions) / 1e9
    print(f"  CRC32C of 64 MiB: {speed:.1f} GB/s")


def print_writing(samples: Samples, repetitions: int) -> None:
    """Print the speed of writing the samples as a set of blocks, with and without syncs."""
    external = Labels.from_mapping({"replica": "a"})
    for durable in (True, False):
        speeds = []
        for _ in range(repetitions):
            with tempfile.TemporaryDirectory(prefix="promontory-bench-") as folder:
                began_s = time.perf_counter()
                metas = write_blocks(
                    Path(folder), [samples], clock=SystemClock(), external_labels=external, durable=durable
                )
                speeds.append(len(samples.values) / (time.perf_counter() - began_s) / 1e6)
        how = "synced" if durable else "without syncs"
        print(f"  {len(metas)} blocks written, {how}: {max(speeds):.1f} M samples/s (must: {MUST_WRITE})")


def report(*, series: int = 300, repetitions: int = 7) -> None:
    """Print all figures."""
    print(f"kernels on one core, {platform.machine()}, best of {repetitions}")
    for jitter in (True, False):
        generated = list(generate(series=series, samples=SAMPLES, jitter=jitter))
        how = "0-11 ms jitter" if jitter else "no jitter"
        print(f"{len(generated)} series x {SAMPLES} samples at 15 s, {how}, 120 samples a chunk")
        print_codec("all families", to_samples(generated), jitter=jitter, repetitions=repetitions)
        for family, _ in FAMILIES:
            members = [one for one in generated if one.labels.get(b"__name__") == family.encode()]
            print_codec(family, to_samples(members), jitter=jitter, repetitions=repetitions)
        if jitter:
            print_writing(to_samples(generated), max(2, repetitions // 2))
    print_crc(repetitions)


def main() -> None:
    """Print the figures with the defaults: the first part of the whole bench."""
    report()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kernels")
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    report(series=arguments.series, repetitions=arguments.repetitions)
