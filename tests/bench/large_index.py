"""Opening the index of a block of a million series: time and memory above an idle process.

usage: python -m tests.bench.large_index [--series N]

The block is written by us into a folder; a child process opens it as a store gateway does (index header built from the
bucket, then from its file) and asks one selector of ten series.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

MUST_OPEN_S, MUST_OPEN_MB = 1.0, 150
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def write_block(folder: Path, count: int) -> None:
    """Write a block of `count` series of one sample each, seven labels a series."""
    from promontory.block.writer import BlockWriter
    from promontory.chunk.encode import encode_series
    from promontory.model.label_rows import LabelRows
    from promontory.model.labels import Labels
    from promontory.model.symbols import SymbolTable

    symbols = SymbolTable()
    with BlockWriter(folder, ulid=ULID, symbols=symbols, durable=False) as writer:
        step = 20_000  # as many as a metric has: names rise from one batch to the next
        for first in range(0, count, step):
            size = min(step, count - first)
            labels = [
                Labels.from_mapping(
                    {
                        "__name__": f"metric_{number // step:03d}_total", "cluster": "eu-1",
                        "instance": f"10.0.{number % 250}.1:9100", "job": f"job-{number % 40:02d}",
                        "namespace": f"team-{number % 97:02d}", "path": f"/api/v1/{number % 13}",
                        "pod": f"pod-{number:07d}",
                    }
                )
                for number in range(first, first + size)
            ]  # fmt: skip
            rows = LabelRows.from_labels(labels, symbols)
            order = rows.sort_index()
            times = np.full(size, 1_700_000_000_000)
            encoded = encode_series(np.arange(size + 1), times, np.ones(size))
            writer.add(rows.take(order), encoded.columns(), [encoded.data])
        writer.finish()


async def open_once(folder: Path, headers: Path) -> dict[str, float]:
    """Open the block, look up ten series; return seconds and MB above the process before."""
    from promontory.block.meta import parse_meta
    from promontory.bucket.filesystem import FilesystemBucket
    from promontory.model.clock import SystemClock
    from promontory.model.context import QueryContext
    from promontory.model.matcher import Matcher, MatchKind
    from promontory.model.selector import Selector
    from promontory.model.time_range import ALL_TIME
    from promontory.store.block_store import open_block

    async def ask(block_folder: Path, matchers: tuple[Matcher, ...], kept: Path | None) -> tuple[float, int]:
        bucket = FilesystemBucket(block_folder)
        meta = parse_meta(await bucket.get(f"{ULID}/meta.json"), source=ULID)
        began_s = time.perf_counter()
        block = await open_block(bucket, meta, directory=kept)
        await block.label_values(b"job", Selector((), ALL_TIME), context)
        opened_s = time.perf_counter() - began_s
        return opened_s, sum([len(frame.labels) async for frame in block.select(Selector(matchers, ALL_TIME), context)])

    with ThreadPoolExecutor(2) as pool, tempfile.TemporaryDirectory() as small:
        context = QueryContext(clock=SystemClock(), pool=pool)
        write_block(Path(small), 100)  # the kernels and libraries that any block needs are loaded before it counts
        await ask(Path(small), (Matcher(MatchKind.EQUAL, b"pod", b"pod-0000007"),), None)
        before = resident_mb()
        pods = "|".join(f"pod-{number:07d}" for number in range(5, 5000, 500)).encode()
        began_s = time.perf_counter()
        opened_s, found = await ask(folder, (Matcher(MatchKind.REGEX, b"pod", pods),), headers)
        assert found == 10
        return {
            "open_s": opened_s, "first_answer_s": time.perf_counter() - began_s, "above_mb": resident_mb() - before,
            "peak_mb": peak_mb() - before,
        }  # fmt: skip


def resident_mb() -> float:
    """Return the private memory of this process: mapped files that the system may drop are not counted."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty", "Anonymous"))) / 2 / 1024


def peak_mb() -> float:
    """Return the most memory that this process held, mapped pages included."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def report(*, series: int = 1_000_000) -> None:
    """Print the figures of both openings, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="promontory-bench-") as base:
        folder = Path(base) / "bucket"
        began_s = time.perf_counter()
        write_block(folder, series)
        index_mb = (folder / ULID / "index").stat().st_size / 1e6
        wrote_s = time.perf_counter() - began_s
        print(f"block of {series:,} series x 7 labels, index {index_mb:.0f} MB, written in {wrote_s:.1f} s")
        for how in ("header built from the bucket", "header from its file"):
            argv = [sys.executable, "-m", "tests.bench.large_index", "--open", str(folder), str(Path(base) / "headers")]
            found = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
            print(
                f"  {how}: opened in {found['open_s']:.2f} s (must {MUST_OPEN_S:g}), first answer after"
                f" {found['first_answer_s']:.2f} s, {found['above_mb']:.0f} MB held above idle (must {MUST_OPEN_MB}),"
                f" peak {found['peak_mb']:.0f} MB with mapped pages"
            )


def main() -> None:
    """Print the figures with the defaults."""
    report()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.large_index")
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--open", nargs=2, type=Path, metavar=("BUCKET", "HEADERS"))
    arguments = parser.parse_args()
    if arguments.open:
        print(json.dumps(asyncio.run(open_once(*arguments.open))))
    else:
        report(series=arguments.series)
