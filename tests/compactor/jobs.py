"""Jobs and their results, made up."""

from __future__ import annotations

from promontory.block.meta import BlockMeta
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from tests.catalog.blocks import meta_of


def merge_job(*metas: BlockMeta) -> Job:
    return Job(JobKind.MERGE, "0@42", tuple(meta.ulid for meta in metas), 0)


def downsample_job(meta: BlockMeta) -> Job:
    return Job(JobKind.DOWNSAMPLE, "0@42", (meta.ulid,), 300_000)


def result_of(job: Job, *metas: BlockMeta, output: BlockMeta | None = None, read_bytes: int = 1000) -> JobResult:
    return JobResult(
        job, output, metas, downloaded_bytes=read_bytes, uploaded_bytes=700, took_s=2.0, worked_s=0.5
    )  # fmt: skip


FIRST = meta_of(1, hours=(0, 2))
SECOND = meta_of(2, hours=(2, 4))
OVERLAPPING = meta_of(3, hours=(1, 3))
OUTPUT = meta_of(4, hours=(0, 4), level=2, sample_count=20)
