"""One compaction or downsampling in a process of its own, so that its memory can be told: prints one line of JSON.

usage: python -m tests.bench.compaction_run KIND TARGET BLOCK... --warm BLOCK [--workers N] [--repetitions N]

KIND is merge, penalty or downsample. What is idle is measured after the same work on a small block, which loads the
kernels; the best of the repetitions counts, the greatest memory of all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path

from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks
from promontory.model.clock import SystemClock
from tests.bench.client import status_kib

FIVE_MINUTES_MS = 300_000


def run(kind: str, target: Path, blocks: list[Path], workers: int) -> Path:
    """Do the work once; return the directory of the output."""
    ulid = make_ulid(SystemClock().now_ms(), os.urandom(ENTROPY_BYTES))
    inputs = tuple(block.name for block in blocks)
    common = {"ulid": ulid, "workers": workers}
    if kind == "downsample":
        (block,) = blocks
        job = Job(JobKind.DOWNSAMPLE, "bench", inputs, FIVE_MINUTES_MS)
        meta = downsample_block(block, target, job=job, **common)
    else:
        deduplication = Deduplication.PENALTY if kind == "penalty" else Deduplication.ONE_TO_ONE
        job = Job(JobKind.MERGE, "bench", inputs, 0, deduplication, ("replica",))
        meta = merge_blocks(blocks, target, job=job, **common)
    assert meta is not None
    return target / meta.ulid


def main() -> None:
    """Read the command line, work, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("target", type=Path)
    parser.add_argument("blocks", type=Path, nargs="+")
    parser.add_argument("--warm", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    settings = parser.parse_args()
    settings.target.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(run(settings.kind, settings.target, [settings.warm], settings.workers))
    process = os.getpid()
    idle_kib = status_kib(process, "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    best_s, cpu_s, output = float("inf"), 0.0, None
    for _ in range(settings.repetitions):
        if output is not None:
            shutil.rmtree(output)
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        output = run(settings.kind, settings.target, settings.blocks, settings.workers)
        took_s = time.monotonic() - began_s
        if took_s < best_s:
            best_s, cpu_s = took_s, time.process_time() - began_cpu_s
    grown_mib = (status_kib(process, "VmHWM") - idle_kib) / 1024
    print(json.dumps({"took_s": best_s, "cpu_s": cpu_s, "grown_mib": grown_mib, "output": str(output)}))


if __name__ == "__main__":
    main()
