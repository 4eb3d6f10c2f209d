"""Making the output of a job out of its inputs on disk: by merging or by downsampling. Blocks the thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from promontory.block.meta import BlockMeta
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks


class Make(Protocol):
    """Writes the block `target`/`ulid` and returns its meta; None where no sample is left."""

    def __call__(
        self,
        job: Job,
        inputs: Sequence[Path],
        target: Path,
        *,
        ulid: str,
        workers: int,
        stop: Callable[[], bool],
        progress: Callable[[int, int], None],
    ) -> BlockMeta | None:
        """Raise CorruptionError naming the input, StoppedError, OSError."""  # fmt: skip


def make_output(
    job: Job, inputs: Sequence[Path], target: Path, *, ulid: str, workers: int,
    stop: Callable[[], bool], progress: Callable[[int, int], None],
) -> BlockMeta | None:  # fmt: skip
    """Do what the job's kind asks for."""
    if job.kind is JobKind.DOWNSAMPLE:
        (source,) = inputs
        return downsample_block(source, target, ulid=ulid, job=job, workers=workers, stop=stop, progress=progress)
    return merge_blocks(inputs, target, ulid=ulid, job=job, workers=workers, stop=stop, progress=progress)
