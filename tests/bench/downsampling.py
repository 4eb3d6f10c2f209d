"""Downsampling on one core: speed by what goes in, and memory by how long a series and how large a block is.

usage: python -m tests.bench.downsampling [--repetitions N]

    raw to 1m, raw to 5m     2,000 series of floats, 24 h of a sample each 15 s
    5m to 1h                 what came out of the one before
    histograms to 5m         200 native histograms of 30 buckets, 24 h
    four times the block     memory: 8,000 series, 24 h
    ten times the series     memory: 200 series, 10 days

The speed is that of samples that go in, windows of each aggregate being one; the best of the repetitions counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.block.meta import BlockMeta
from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Job, JobKind
from promontory.model.clock import SystemClock
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.service.allocator import find_allocator
from tests.bench.client import status_kib
from tests.bench.data import SAMPLES, generate
from tests.bench.histogram_data import native_histograms

SERIES = 2000
MINUTE_MS = 60_000
WHOLE_MS = 2**50
BATCH = 50
MUST = 25
"""Million samples a second of processor time, raw floats to 5m."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples in a second of processor time in millions, MiB above idle, and what came out."""

    speed: float
    grown_mib: float
    meta: BlockMeta


def report(*, repetitions: int) -> None:
    """Print all figures."""
    print(f"downsampling on one core, {platform.machine()}; M samples/s of what goes in, MiB above idle")
    with tempfile.TemporaryDirectory(prefix="promontory-bench-") as name:
        folder = Path(name)
        for batches in (floats(20, SAMPLES), native_histograms(100)):
            run(folder, run(folder, write(folder, batches), 5 * MINUTE_MS), 60 * MINUTE_MS)
        raw = write(folder, floats(SERIES, SAMPLES))
        show("raw to 1m", measure(folder, raw, MINUTE_MS, repetitions))
        fine = measure(folder, raw, 5 * MINUTE_MS, repetitions)
        show("raw to 5m", fine, must=MUST)
        show("5m to 1h", measure(folder, fine.meta, 60 * MINUTE_MS, repetitions))
        for name, batches in (
            ("histograms to 5m", native_histograms(SAMPLES)),
            ("four times the block", floats(4 * SERIES, SAMPLES)),
            ("ten times the series", floats(SERIES // 10, 10 * SAMPLES)),
        ):
            show(name, measure(folder, write(folder, batches), 5 * MINUTE_MS, repetitions))


def floats(series: int, samples: int) -> Iterator[Samples]:
    """Yield series in label order, some at a time; beyond SERIES those before come again under another label."""
    generated = [(one.timestamps_ms, one.values) for one in generate(series=min(series, SERIES), samples=samples)]
    for first in range(0, series, BATCH):
        numbers = range(first, min(first + BATCH, series))
        rows = [generated[number % len(generated)] for number in numbers]
        labels = [Labels.from_mapping({"__name__": "bench", "number": f"{number:06d}"}) for number in numbers]
        yield Samples(
            LabelRows.from_labels(labels, SymbolTable()), np.arange(len(rows) + 1) * samples,
            np.concatenate([times for times, _ in rows]), np.concatenate([values for _, values in rows]),
        )  # fmt: skip


def write(folder: Path, batches: Iterator[Samples]) -> BlockMeta:
    """Write all samples as one block."""
    labels = Labels.from_mapping({"replica": "a"})
    (meta,) = write_blocks(
        folder, batches, clock=SystemClock(), block_range_ms=WHOLE_MS, external_labels=labels, durable=False
    )
    return meta


def run(folder: Path, source: BlockMeta, resolution_ms: int) -> BlockMeta:
    """Downsample a block once, with one worker."""
    job = Job(JobKind.DOWNSAMPLE, "bench", (source.ulid,), resolution_ms)
    ulid = make_ulid(SystemClock().now_ms(), os.urandom(ENTROPY_BYTES))
    meta = downsample_block(folder / source.ulid, folder, ulid=ulid, job=job, workers=1)
    assert meta is not None
    return meta


def measure(folder: Path, source: BlockMeta, resolution_ms: int, repetitions: int) -> Figure:
    """Return the best of the repetitions, and the greatest memory of all."""
    process, allocator = os.getpid(), find_allocator()
    if allocator is not None:
        allocator.give_back()
    idle_kib = status_kib(process, "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    best_s = float("inf")
    for _ in range(repetitions):
        began_s = time.process_time()
        meta = run(folder, source, resolution_ms)
        best_s = min(best_s, time.process_time() - began_s)
    grown_mib = (status_kib(process, "VmHWM") - idle_kib) / 1024
    return Figure(source.stats.sample_count / best_s / 1e6, grown_mib, meta)


def show(name: str, figure: Figure, *, must: float = 0.0) -> None:
    """Print one line."""
    verdict = f" (must: {must}) {'ok' if figure.speed >= must else 'MISSED'}" if must else ""
    print(f"  {name:21} {figure.speed:6.1f}{verdict}, {figure.grown_mib:5.0f} MiB", flush=True)


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    report(repetitions=parser.parse_args().repetitions)


if __name__ == "__main__":
    main()
