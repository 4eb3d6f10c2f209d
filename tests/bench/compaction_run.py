"""One compaction or downsampling in a process of its own, so that its memory can be told: prints one line of JSON.

usage: python -m tests.bench.compaction_run KIND TARGET BLOCK... --warm BLOCK [--workers N] [--repetitions N]

KIND is merge, penalty, downsample or pass: a whole pass of a compactor over a bucket of the blocks, with every input
copied and checked and every output checked, uploaded and read back. What is idle is measured after the same work on
small blocks, which loads the kernels; the best of the repetitions counts, the greatest memory of all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import time
from pathlib import Path

from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.compactor import Compactor
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks
from promontory.compaction.settings import CompactionSettings
from promontory.model.clock import SystemClock
from tests.bench.client import status_kib
from tests.bench.peer_compaction import read_meta

FIVE_MINUTES_MS = 300_000


def run(kind: str, target: Path, blocks: list[Path], workers: int) -> tuple[Path, int]:
    """Do the work once; return the directory of the output, and how many samples the inputs had."""
    samples = sum(read_meta(block).stats.sample_count for block in blocks)
    if kind == "pass":
        return run_pass(target / "site", blocks, workers)
    ulid = make_ulid(SystemClock().now_ms(), os.urandom(ENTROPY_BYTES))
    inputs = tuple(block.name for block in blocks)
    if kind == "downsample":
        (block,) = blocks
        job = Job(JobKind.DOWNSAMPLE, "bench", inputs, FIVE_MINUTES_MS)
        meta = downsample_block(block, target, ulid=ulid, job=job, workers=workers)
    else:
        deduplication = Deduplication.PENALTY if kind == "penalty" else Deduplication.ONE_TO_ONE
        job = Job(JobKind.MERGE, "bench", inputs, 0, deduplication, ("replica",))
        meta = merge_blocks(blocks, target, ulid=ulid, job=job, workers=workers)
    assert meta is not None
    return target / meta.ulid, samples


def run_pass(site: Path, blocks: list[Path], workers: int) -> tuple[Path, int]:
    """Run a compactor over a bucket of links to the blocks; return the site, and the samples that its jobs read.

    As many merges run at once as there are workers, as with --compact.concurrency.
    """
    for block in blocks:
        shutil.copytree(block, site / "bucket" / read_meta(block).ulid, copy_function=os.link)
    compactor = Compactor(
        FilesystemBucket(site / "bucket"),
        CompactionSettings(consistency_delay_ms=0),
        directory=site / "work",
        clock=SystemClock(),
        merges_at_once=workers,
    )
    results = asyncio.run(compactor.run_pass()).results
    return site, sum(result.sample_count for result in results)


def main() -> None:
    """Read the command line, work, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("target", type=Path)
    parser.add_argument("blocks", type=Path, nargs="+")
    parser.add_argument("--warm", type=Path, nargs="+", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    settings = parser.parse_args()
    settings.target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(run(settings.kind, settings.target, settings.warm, settings.workers)[0])
    process = os.getpid()
    idle_kib = status_kib(process, "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    best_s, cpu_s, samples, output = float("inf"), 0.0, 0, None
    for _ in range(settings.repetitions):
        if output is not None:
            shutil.rmtree(output)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        output, samples = run(settings.kind, settings.target, settings.blocks, settings.workers)
        took_s = time.monotonic() - began_s
        if took_s < best_s:
            best_s, cpu_s = took_s, time.process_time() - began_cpu_s
    grown_mib = (status_kib(process, "VmHWM") - idle_kib) / 1024
    told = {"took_s": best_s, "cpu_s": cpu_s, "samples": samples, "grown_mib": grown_mib, "output": str(output)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
