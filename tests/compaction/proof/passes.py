"""One pass of the compactor over a site, with everything that tests want to put in its way."""

from __future__ import annotations

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket
from promontory.compaction.compactor import Compactor
from promontory.compaction.observer import PassObserver
from promontory.compaction.settings import CompactionSettings
from promontory.testing.still_clock import StillClock
from tests.compaction.proof.sites import Site


async def run_pass(
    site: Site,
    settings: CompactionSettings,
    *,
    now_ms: int,
    bucket: Bucket | None = None,
    observer: PassObserver | None = None,
    name: str = "work",
) -> object:
    """Run a fresh compactor once, at a time that stands still; return what its pass says. `name` is its directory."""
    compactor = Compactor(
        bucket or FilesystemBucket(site.bucket),
        settings,
        directory=site.root / name,
        clock=StillClock(now_ms),
        observer=observer or PassObserver(),
    )
    return await compactor.run_pass()
