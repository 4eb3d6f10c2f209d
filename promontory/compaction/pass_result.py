"""PassResult: what one pass came to."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.compaction.job_result import JobResult


@dataclass(frozen=True, slots=True)
class PassResult:
    """`results` are the jobs that were done; `refused` says what was not done because it did not look safe."""

    results: tuple[JobResult, ...] = ()
    refused: tuple[str, ...] = ()
