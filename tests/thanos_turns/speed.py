"""How long a whole pass takes either compactor, as programs from start to end: download, work, check, upload.

    merge       twelve blocks of 2 h of 5,000 series, as six streams
    penalty     those of two replicas, as two streams
    downsample  the block of a day that ours made of them, said to be two days long, so that both do it; six streams

Both get two merges at once and both cores; the better of two runs counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.compaction.job import Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks
from promontory.model.clock import SystemClock
from tests.bench.compaction_data import SERIES, open_replicas
from tests.bench.peer_compaction import read_meta
from tests.compaction.proof.history import DAY_MS, change_meta
from tests.compaction.proof.reading import look
from tests.thanos_turns.compactors import Compactors

RUNS = 2
STREAMS = {"merge": 6, "penalty": 2, "downsample": 6}
FLAGS = ("--compact.concurrency=2", "--downsample.concurrency=2", "--delete-delay=48h")
WORK = {
    "merge": ("--downsampling.disable",),
    "penalty": (
        "--downsampling.disable",
        "--deduplication.replica-label=replica",
        "--deduplication.func=penalty",
    ),
    "downsample": (),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a pass needed: seconds, processor seconds and peak memory."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def measure(compactors: Compactors, work: str) -> Iterator[tuple[bool, str, str]]:
    """Yield what each compactor needed for a kind of work, and the ratio."""
    samples = 0
    costs: dict[str, Cost] = {}
    for who in ("thanos", "ours"):
        for run in range(RUNS):
            bucket = compactors.folder / f"{work}-{who}-{run}" / "bucket"
            samples = _fill(bucket, work, compactors.folder)
            cost, status = _run(compactors, who, bucket, (*FLAGS, *WORK[work]))
            made = {meta.resolution_ms for meta in look(bucket).blocks.values() if meta.compaction.level > 1}
            is_good = status == 0 and (300_000 in made if work == "downsample" else bool(made))
            yield is_good, work, f"{who}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of CPU, {cost.peak_mib:.0f} MiB"
            costs[who] = min(cost, costs.get(who, cost), key=lambda one: one.wall_s)
            shutil.rmtree(bucket.parent)
    ratio = costs["thanos"].wall_s / costs["ours"].wall_s
    cpu = costs["thanos"].cpu_s / costs["ours"].cpu_s
    what = f"{STREAMS[work]} streams of {SERIES} series, {samples / 1e6:.0f} M samples"
    yield True, work, f"{what}: ours {ratio:.1f} times as fast, {cpu:.1f} in CPU"


def _fill(bucket: Path, work: str, folder: Path) -> int:
    """Put what is to be worked on into a bucket, as several streams; return how many samples."""
    data = open_replicas()
    sources = [data / "a", data / "b"] if work == "penalty" else [data / "a"]
    if work == "downsample":
        sources = [_make_day(data / "a", folder / "day")]
    for number in range(STREAMS[work]):
        for block in (block for source in sources for block in sorted(source.iterdir())):
            _link_as(block, bucket, f"cluster-{number}")
    return sum(meta.stats.sample_count for meta in look(bucket).blocks.values())


def _link_as(block: Path, bucket: Path, cluster: str) -> None:
    """Put a block into a bucket as one of another stream, with links to its large files."""
    ulid = make_ulid(read_meta(block).min_time_ms, os.urandom(ENTROPY_BYTES))
    shutil.copytree(block, bucket / ulid, copy_function=os.link)
    body = (block / "meta.json").read_bytes()
    (bucket / ulid / "meta.json").unlink()
    (bucket / ulid / "meta.json").write_bytes(body)

    def rename(document: dict[str, Any]) -> None:
        document["ulid"] = ulid
        document["compaction"]["sources"] = [ulid]
        document["thanos"]["labels"]["cluster"] = cluster

    change_meta(bucket / ulid, rename)


def _make_day(blocks: Path, target: Path) -> Path:
    """Return a folder with one block of all the blocks, made once."""
    if not target.exists():
        inputs = sorted(blocks.iterdir(), key=lambda block: read_meta(block).min_time_ms)
        ulid = make_ulid(SystemClock().now_ms(), os.urandom(ENTROPY_BYTES))
        job = Job(JobKind.MERGE, "speed", tuple(block.name for block in inputs), 0)
        meta = merge_blocks(inputs, target, ulid=ulid, job=job)
        assert meta is not None
        change_meta(target / ulid, lambda document: document.update(maxTime=meta.min_time_ms + 2 * DAY_MS))
    return target


def _run(compactors: Compactors, who: str, bucket: Path, flags: tuple[str, ...]) -> tuple[Cost, int]:
    began_s = time.monotonic()
    process = subprocess.Popen(
        compactors.argv(who, bucket, flags),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": "2"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(time.monotonic() - began_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    return cost, process.returncode
