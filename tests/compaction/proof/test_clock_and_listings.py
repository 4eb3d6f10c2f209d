"""What a compactor is told wrongly, by its clock or by listings, deletes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import ObjectInfo
from promontory.compaction.ladder import default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BucketError, BucketUnavailable, PromontoryError
from tests.compaction.proof.crash import MortalBucket, Points
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, Stream, write_history
from tests.compaction.proof.listener import Listener
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.scenarios import SCENARIOS, make_deletion
from tests.compaction.proof.sites import Site, make_site

YEAR_MS = 365 * DAY_MS


class StaleListing(MortalBucket):
    """A bucket whose listings leave out what a test says."""

    def __init__(self, root: Path, *, hidden: str) -> None:
        super().__init__(FilesystemBucket(root), Points())
        self._hidden = hidden

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield all but the hidden objects."""
        async for info in super().list(prefix, recursive=recursive):
            if self._hidden not in info.key:
                yield info


class FailingListing(MortalBucket):
    """A bucket whose listings break off behind so many objects."""

    def __init__(self, root: Path, *, after: int) -> None:
        super().__init__(FilesystemBucket(root), Points())
        self._after = after

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield a few, then fail."""
        seen = 0
        async for info in super().list(prefix, recursive=recursive):
            if seen == self._after:
                raise BucketUnavailable("the listing broke off", key=prefix, operation="list")
            seen += 1
            yield info


def make_retention(root: Path) -> Site:
    site = make_site(root)
    stream = Stream({"cluster": "x"}, kinds=("up_total",))
    end_ms = EPOCH_MS + DAY_MS
    write_history(site.bucket, stream.saw(EPOCH_MS, end_ms), stream.labels, range_ms=DAY_MS // 12, born_ms=end_ms)
    return site


@pytest.mark.parametrize("years", [10, -10])
async def test_with_a_clock_ten_years_off_retention_deletes_nothing(years: int, tmp_path: Path) -> None:
    site = make_retention(tmp_path)
    blocks = set(site.look().blocks)
    listener = Listener()
    settings = with_retention(30 * DAY_MS)
    for _ in range(2):
        await run_pass(site, settings, now_ms=EPOCH_MS + 2 * DAY_MS + years * YEAR_MS, observer=listener)
    lying = site.look()
    assert blocks <= set(lying.blocks)
    alive = {meta.ulid for meta in lying.unmarked()}
    sources = {source for ulid in alive for source in lying.blocks[ulid].compaction.sources}
    assert blocks <= sources, "no block without another that holds its samples was marked"
    assert not listener.deleted
    if years > 0:
        assert listener.refused


async def test_a_clock_that_runs_right_lets_retention_mark(tmp_path: Path) -> None:
    site = make_retention(tmp_path)
    stream = Stream({"cluster": "x"}, kinds=("up_total",))
    young_ms = EPOCH_MS + 60 * DAY_MS
    write_history(site.bucket, stream.saw(young_ms, young_ms + DAY_MS), stream.labels, born_ms=young_ms + DAY_MS)
    await run_pass(site, with_retention(30 * DAY_MS), now_ms=young_ms + 2 * DAY_MS)
    lying = site.look()
    assert lying.deletions_s
    assert all(lying.blocks[meta.ulid].max_time_ms > young_ms for meta in lying.unmarked())


@pytest.mark.parametrize("hidden", ["meta.json", "deletion-mark.json", "index", "chunks/"])
async def test_a_listing_that_leaves_objects_out_deletes_nothing_that_counts(hidden: str, tmp_path: Path) -> None:
    scenario = make_deletion(tmp_path)
    site = scenario.site
    before = join_raw(site.bucket, site.look().served(scenario.now_ms))
    for _ in range(2):
        bucket = StaleListing(site.bucket, hidden=hidden)
        # It may see that something is wrong, and stop, or see nothing.
        with contextlib.suppress(BucketError):
            await run_pass(site, scenario.settings, now_ms=scenario.now_ms, bucket=bucket)
        site.touch(scenario.now_ms)
    assert join_raw(site.bucket, site.look().served(scenario.now_ms)) == before


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_listing_that_breaks_off_changes_nothing(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS[name](tmp_path)
    site = scenario.site
    before = site.look()
    for after in (0, 1, 5):
        with pytest.raises(PromontoryError) as caught:
            await run_pass(
                site, scenario.settings, now_ms=scenario.now_ms, bucket=FailingListing(site.bucket, after=after)
            )
        assert caught.value.retryable
        assert site.look() == before


def with_retention(raw_ms: int) -> CompactionSettings:
    """Return settings that keep raw samples so long, without asking for a coarser cover."""
    return replace(CompactionSettings(), downsampling=False, ladder=default_ladder(raw_keep_ms=raw_ms))
