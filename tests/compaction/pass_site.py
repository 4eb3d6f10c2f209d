"""A bucket with what a Prometheus saw, the compactor that passes over it, and an executor whose jobs fail."""

from __future__ import annotations

from pathlib import Path

from promontory.block.markers import Mark, MarkKind, parse_mark
from promontory.block.meta import BlockMeta, parse_meta
from promontory.bucket.memory import MemoryBucket
from promontory.compaction.compactor import Compactor
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Backlog, Phase, StageProgress
from promontory.compaction.settings import CompactionSettings
from promontory.testing.still_clock import StillClock
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS
from tests.compaction.proof.listener import Listener
from tests.compaction.real_blocks import CLUSTER, NOW_MS, put_history, see
from tests.compaction.watched_bucket import WatchedBucket

OTHER = {"cluster": "y"}


class Ears(Listener):
    """A listener that hears phases and backlogs too."""

    def __init__(self) -> None:
        super().__init__()
        self.phases: list[Phase] = []
        self.backlogs: list[Backlog] = []

    def on_phase(self, phase: Phase) -> None:
        self.phases.append(phase)

    def on_backlog(self, backlog: Backlog) -> None:
        self.backlogs.append(backlog)


class Site:
    """A bucket in memory and a compactor with its directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StillClock(EPOCH_MS + 12 * HOUR_MS)
        self.bucket = WatchedBucket(MemoryBucket(self.clock))
        self.ears = Ears()
        self.stop = False

    async def put(self, hours: int = 10, **arguments: object) -> list[BlockMeta]:
        """Upload what a Prometheus saw; then it is later."""
        labels = arguments.pop("labels", CLUSTER)
        assert isinstance(labels, dict)
        self.clock.time_ms = EPOCH_MS + 12 * HOUR_MS
        content = see(hours, labels=labels)
        metas = await put_history(self.bucket, self.folder / "made", content, labels=labels, **arguments)  # type: ignore[arg-type]
        self.clock.time_ms = max(NOW_MS, EPOCH_MS + (hours + 10) * HOUR_MS)
        return metas

    def compactor(self, settings: CompactionSettings | None = None, **arguments: object) -> Compactor:
        return Compactor(
            self.bucket, settings or CompactionSettings(), directory=self.folder / "data", clock=self.clock,
            observer=self.ears, stop=lambda: self.stop, **arguments,  # type: ignore[arg-type]
        )  # fmt: skip

    async def marks(self, kind: MarkKind = MarkKind.DELETION) -> dict[str, Mark]:
        found = [info.key async for info in self.bucket.inner.list() if info.key.endswith(kind.file_name)]
        return {key[:26]: parse_mark(await self.bucket.inner.get(key), kind, source=key) for key in found}

    async def metas(self) -> dict[str, BlockMeta]:
        found = [info.key async for info in self.bucket.inner.list() if info.key.endswith("/meta.json")]
        return {key[:26]: parse_meta(await self.bucket.inner.get(key), source=key) for key in found}

    async def unmarked(self) -> dict[str, BlockMeta]:
        marks = await self.marks()
        return {ulid: meta for ulid, meta in (await self.metas()).items() if ulid not in marks}


class Failing:
    """An executor whose jobs fail with an error, where their inputs hold a block."""

    def __init__(self, site: Site, error: Exception, ulid: str) -> None:
        self._inner = site.compactor()._executor
        self._error = error
        self._ulid = ulid
        self.tries = 0

    async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
        if self._ulid in job.inputs:
            self.tries += 1
            raise self._error
        return await self._inner.submit(job, progress=progress)

    async def close(self) -> None:
        return
