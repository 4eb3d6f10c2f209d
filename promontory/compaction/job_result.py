"""JobResult: what became of a job: a block that was read back whole from the bucket, or nothing to keep."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.block.meta import BlockMeta
from promontory.compaction.job import Job


@dataclass(frozen=True, slots=True)
class JobResult:
    """`output` is the meta of the new block as it stands in the bucket; None where no sample was left.

    `inputs` are the metas of what was read, in the order of the job. `took_s` is all of it, `worked_s` the merging or
    downsampling alone; `work_bytes` are the bytes that lay on disk at most.
    """

    job: Job
    output: BlockMeta | None
    inputs: tuple[BlockMeta, ...]
    downloaded_bytes: int = 0
    uploaded_bytes: int = 0
    work_bytes: int = 0
    took_s: float = 0.0
    worked_s: float = 0.0

    @property
    def sample_count(self) -> int:
        """Samples of all inputs."""
        return sum(meta.stats.sample_count for meta in self.inputs)
