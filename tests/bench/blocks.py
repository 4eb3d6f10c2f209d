"""Figures of `promontory block` on one block of the bench data, files in the page cache.

usage: python -m tests.bench.blocks [--series N] [--repetitions N]

Verifying checks every CRC, decodes every sample and compares index, postings and counts, on all cores. Best of the
repetitions, because the machine is shared; beside it the processor time that one run takes.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import tempfile
import time
from pathlib import Path

from promontory.block.block_set import write_blocks
from promontory.block_check.files import open_files
from promontory.block_check.verify import verify
from promontory.bucket.filesystem import FilesystemBucket
from promontory.model.clock import SystemClock
from promontory.model.time_range import ALL_TIME
from promontory.program.block_tool.dump import dump
from promontory.program.block_tool.inspection import inspect
from promontory.program.block_tool.lines import TEXT_LINES
from tests.bench.data import generate
from tests.bench.kernels import SAMPLES, best_s, to_samples

WORKERS = 2
MUST_VERIFY = 100
BLOCK_RANGE_MS = 7 * 24 * 3_600_000


def report(*, series: int = 2500, repetitions: int = 7) -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory(prefix="promontory-bench-") as folder:
        samples = to_samples(list(generate(series=series, samples=SAMPLES)))
        count = len(samples.values)
        (meta,) = write_blocks(
            Path(folder), [samples], clock=SystemClock(), block_range_ms=BLOCK_RANGE_MS, durable=False
        )
        bucket = FilesystemBucket(Path(folder))
        print(f"a block of {len(samples)} series, {count / 1e6:.1f} M samples, {platform.machine()}, {WORKERS} threads")
        with open_files(bucket, meta.ulid) as files:
            used_s: list[float] = []

            def check() -> None:
                began_s = time.process_time()
                found = verify(files, limit=1, workers=WORKERS)
                used_s.append(time.process_time() - began_s)
                assert (found.faults.total, found.sample_count) == (0, count)

            speed = count / best_s(check, repetitions) / 1e6
            busy = count / min(used_s) / 1e6
            print(f"  verified: {speed:.0f} M samples/s (must: {MUST_VERIFY}); {busy:.0f} M a second of processor time")
            took_s = best_s(lambda: inspect(files, top=10, read_chunks=True), repetitions)
            print(f"  inspected: {took_s * 1000:.0f} ms")
        print_dump(bucket, meta.ulid, count, max(1, repetitions // 3))


def print_dump(bucket: FilesystemBucket, key: str, count: int, repetitions: int) -> None:
    """Print the speed of lines of text."""
    sizes: list[int] = []

    def run() -> None:
        sizes.clear()
        asyncio.run(
            dump(
                bucket,
                key,
                [()],
                ALL_TIME,
                TEXT_LINES,
                clock=SystemClock(),
                workers=WORKERS,
                write=lambda text: sizes.append(len(text)),
            )
        )

    took_s = best_s(run, repetitions)
    print(f"  dumped: {count / took_s / 1e6:.1f} M lines/s, {sum(sizes) / took_s / 1e6:.0f} MB/s")


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2500)
    parser.add_argument("--repetitions", type=int, default=7)
    settings = parser.parse_args()
    report(series=settings.series, repetitions=settings.repetitions)


if __name__ == "__main__":
    main()
