"""What a job will read, write and take, told before it runs: from sizes and counts in meta.json, and measured rates.

Estimates, for people and for the space on disk: chunks are copied, so a merge writes what it reads, less what
overlaps; an index of merged blocks is a little larger than the largest of them, as their series are mostly the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promontory.block.meta import BlockMeta
from promontory.compaction.job import SPARE_BYTES, Job, JobKind
from promontory.compaction.planning.overlaps import find_overlaps
from promontory.compaction.planning.state import find_index_bytes

# Bytes of a raw sample in a chunk, where no sizes of files are known.
SAMPLE_BYTES = 1.6
# Five aggregates of a window, and how an index grows by being merged.
WINDOW_BYTES = 15
INDEX_GROWTH = 1.15
# Samples a second on two cores (docs/performance.md); what is transferred comes on top.
RATES = {JobKind.MERGE: 60e6, JobKind.REWRITE: 60e6, JobKind.DOWNSAMPLE: 25e6}
VERTICAL_RATE = 20e6


@dataclass(frozen=True, slots=True)
class Estimate:
    """`work_s` is without the transfer of blocks."""

    samples: int
    input_bytes: int
    output_bytes: int
    work_s: float

    @property
    def disk_bytes(self) -> int:
        """What a job asks to be free on disk before it begins (run_job.py), whatever its output turns out to be."""
        return 2 * self.input_bytes + SPARE_BYTES


def estimate_job(job: Job, inputs: Sequence[BlockMeta], index_bytes: Mapping[str, int]) -> Estimate:
    """Return what to expect of a job on blocks sorted by minimum time."""
    sizes = [block_bytes(meta, index_bytes) for meta in inputs]
    indexes = [find_index_bytes(meta, index_bytes) for meta in inputs]
    share = 1 / job.part.total if job.part else 1.0
    samples = sum(meta.stats.sample_count for meta in inputs)
    index = INDEX_GROWTH * max(indexes) if len(inputs) > 1 else indexes[0]
    overlaps = job.kind is JobKind.MERGE and bool(find_overlaps(inputs))
    if job.kind is JobKind.DOWNSAMPLE:
        (meta,) = inputs
        windows = meta.stats.series_count * ((meta.max_time_ms - meta.min_time_ms) // job.resolution_ms + 1)
        chunks = float(min(windows, samples) * WINDOW_BYTES)
    else:
        chunks = (sum(sizes) - sum(indexes)) * (_unique_share(inputs) if overlaps else 1)
    rate = VERTICAL_RATE if overlaps else RATES[job.kind]
    return Estimate(samples, sum(sizes), int((chunks + index) * share), samples / rate)


def block_bytes(meta: BlockMeta, index_bytes: Mapping[str, int]) -> int:
    """Return the size of a block: from its meta.json, else estimated from its counts."""
    written = sum(file.size_bytes or 0 for file in meta.thanos.files) if meta.thanos else 0
    return written or int(meta.stats.sample_count * SAMPLE_BYTES) + find_index_bytes(meta, index_bytes)


def _unique_share(blocks: Sequence[BlockMeta]) -> float:
    """Return the time that blocks cover, as a share of the sum of their times."""
    covered = total = 0
    end_ms = blocks[0].min_time_ms
    for meta in blocks:
        covered += max(0, meta.max_time_ms - max(end_ms, meta.min_time_ms))
        total += meta.max_time_ms - meta.min_time_ms
        end_ms = max(end_ms, meta.max_time_ms)
    return covered / total if total else 1.0
