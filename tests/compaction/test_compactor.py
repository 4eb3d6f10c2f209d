"""A pass does what is due, goes on around what fails, and deletes only what something verified replaces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import Compaction, render_meta
from promontory.bucket.port import ObjectInfo
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, parse_bucket_index
from promontory.catalog.transfer import mark_block
from promontory.compaction.compactor import LEDGER_FILE
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from promontory.compaction.ladder import default_ladder
from promontory.compaction.observer import Backlog, Phase, StageProgress
from promontory.compaction.reasons import CORRUPT_CHUNKS, INCOMPLETE, UNREADABLE_META
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BucketUnavailable, JobError
from tests.compaction.pass_site import OTHER, Failing, Site
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS
from tests.compaction.real_blocks import put_history, see, spoil
from tests.compaction.watched_bucket import WatchedBucket


async def test_a_pass_merges_marks_the_inputs_and_leaves_nothing_behind(site: Site) -> None:
    metas = await site.put()
    result = await site.compactor().run_pass()
    (merged,) = [meta for ulid, meta in (await site.unmarked()).items() if ulid != metas[-1].ulid]
    assert merged.compaction.sources == tuple(sorted(meta.ulid for meta in metas[:4]))
    assert {ulid: mark.details for ulid, mark in (await site.marks()).items()} == {
        meta.ulid: "source of compacted block" for meta in metas[:4]
    }
    assert [one.output for one in result.results if one.output] == [merged]
    assert not (site.folder / "data" / "compact").exists()
    assert set(site.ears.phases) == set(Phase)


async def test_a_second_pass_finds_nothing_to_do(site: Site) -> None:
    await site.put()
    compactor = site.compactor()
    await compactor.run_pass()
    objects = {info.key async for info in site.bucket.inner.list()}
    site.ears.finished.clear()
    assert not (await compactor.run_pass()).results
    assert {info.key async for info in site.bucket.inner.list()} == objects
    assert site.ears.backlogs[-1] == Backlog()


async def test_marked_blocks_go_after_the_delay_and_their_mark_last(site: Site) -> None:
    metas = await site.put()
    compactor = site.compactor()
    await compactor.run_pass()
    site.clock.time_ms += 2 * DAY_MS
    await compactor.run_pass()
    assert not site.ears.deleted
    site.clock.time_ms += 1000
    site.bucket.calls.clear()
    await compactor.run_pass()
    assert sorted(site.ears.deleted) == sorted(meta.ulid for meta in metas[:4])
    for meta in metas[:4]:
        deleted = [key for key in site.bucket.keys_of("delete") if key.startswith(meta.ulid)]
        assert (deleted[0], deleted[-1]) == (f"{meta.ulid}/meta.json", f"{meta.ulid}/deletion-mark.json")


async def test_a_mark_that_was_taken_back_before_the_deletion_saves_the_block(site: Site) -> None:
    metas = await site.put()
    compactor = site.compactor()
    await compactor.run_pass()
    site.clock.time_ms += 2 * DAY_MS + 1000
    key = f"{metas[0].ulid}/deletion-mark.json"

    async def unmark(operation: str, at: str) -> None:
        if operation == "get" and at == key:
            await site.bucket.inner.delete(key)

    site.bucket.before = unmark
    await compactor.run_pass()
    assert metas[0].ulid not in site.ears.deleted
    assert metas[1].ulid in site.ears.deleted
    assert any(metas[0].ulid in reason for reason in site.ears.refused)


async def test_an_output_without_marks_on_its_inputs_is_read_whole_before_they_are_marked(site: Site) -> None:
    metas = await site.put()
    await site.compactor().run_pass()
    for meta in metas:
        await site.bucket.inner.delete(f"{meta.ulid}/deletion-mark.json")
    (site.folder / "data" / LEDGER_FILE).unlink()
    site.bucket.calls.clear()
    await site.compactor().run_pass()
    merged = next(meta.ulid for meta in (await site.metas()).values() if meta.compaction.level == 2)
    assert f"{merged}/chunks/000001" in site.bucket.keys_of("download")
    assert {mark.details for mark in (await site.marks()).values()} == {"outdated block"}
    site.bucket.calls.clear()
    await site.compactor().run_pass()
    assert not [key for key in site.bucket.keys_of("download") if key.startswith(merged)], "the ledger forgot"


async def test_a_broken_block_does_not_shadow_the_blocks_that_it_says_it_holds(site: Site) -> None:
    metas = await site.put()
    await site.compactor().run_pass()
    for meta in metas:
        await site.bucket.inner.delete(f"{meta.ulid}/deletion-mark.json")
    (site.folder / "data" / LEDGER_FILE).unlink()
    broken = next(meta.ulid for meta in (await site.metas()).values() if meta.compaction.level == 2)
    await spoil(site.bucket.inner, f"{broken}/chunks/000001")
    await site.compactor().run_pass()
    marks = await site.marks()
    good = [meta for meta in (await site.unmarked()).values() if meta.compaction.level == 2 and meta.ulid != broken]
    assert len(good) == 1, "the parents were merged anew"
    assert broken in marks, "and then nothing needs the broken one"
    assert (await site.marks(MarkKind.NO_COMPACT))[broken].reason == CORRUPT_CHUNKS


async def test_blocks_that_cannot_be_read_are_marked_once_they_are_old_enough(site: Site) -> None:
    metas = await site.put()
    unreadable, incomplete, newer = metas[0].ulid, metas[1].ulid, metas[2].ulid
    site.clock.time_ms -= HOUR_MS
    await site.bucket.inner.put(f"{unreadable}/meta.json", b"{")
    await site.bucket.inner.delete(f"{incomplete}/index")
    body = await site.bucket.inner.get(f"{newer}/meta.json")
    await site.bucket.inner.put(f"{newer}/meta.json", body.replace(b'"version": 1', b'"version": 2'))
    await site.compactor().run_pass()
    assert set(await site.marks(MarkKind.NO_COMPACT)) == {incomplete}
    site.clock.time_ms += HOUR_MS
    await site.compactor().run_pass()
    reasons = {ulid: mark.reason for ulid, mark in (await site.marks(MarkKind.NO_COMPACT)).items()}
    assert reasons == {unreadable: UNREADABLE_META, incomplete: INCOMPLETE}
    assert any(newer in reason for reason in site.ears.refused)
    site.clock.time_ms += 90 * DAY_MS
    await site.compactor().run_pass()
    assert not {unreadable, incomplete, newer} & set(site.ears.deleted)


async def test_an_upload_that_was_given_up_is_deleted_but_not_one_whose_meta_json_the_listing_hides(
    site: Site,
) -> None:
    metas = await site.put(hours=2)
    kept = await site.put(hours=2, labels=OTHER)
    given_up, hidden = metas[0].ulid, kept[0].ulid
    await site.bucket.inner.delete(f"{given_up}/meta.json")
    await site.put(hours=100, labels={"cluster": "new"}, tag="new")

    class Stale(WatchedBucket):
        async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
            async for info in super().list(prefix, recursive=recursive):
                if info.key != f"{hidden}/meta.json":
                    yield info

    site.bucket = Stale(site.bucket.inner)
    await site.compactor().clean_partials()
    assert site.ears.deleted == [given_up]
    assert any(hidden in reason for reason in site.ears.refused)


async def test_raw_blocks_past_their_time_stay_until_what_covers_them_was_read_back(site: Site) -> None:
    (raw,) = await site.put(hours=2)
    settings = CompactionSettings(ladder=default_ladder(raw_keep_ms=30 * DAY_MS))
    site.clock.time_ms = EPOCH_MS + 40 * DAY_MS
    late = see(2, start_ms=site.clock.time_ms - 10 * HOUR_MS)
    await put_history(site.bucket, site.folder / "made", late, tag="late")
    settings = replace(settings, deletion_share=1.0)
    cannot = Failing(site, BucketUnavailable("a fault", key="k", operation="get"), raw.ulid)
    with pytest.raises(JobError):
        await site.compactor(settings, executor=cannot).run_pass()
    assert raw.ulid not in await site.marks()
    await site.compactor(settings).run_pass()
    assert (await site.marks())[raw.ulid].details.startswith("block exceeding retention")
    cover = [meta for meta in (await site.unmarked()).values() if meta.resolution_ms == 300_000]
    assert [meta.compaction.sources for meta in cover] == [(raw.ulid,)]


async def test_a_pass_ends_with_a_bucket_index_that_names_every_block_and_mark(site: Site) -> None:
    await site.put()
    await site.compactor().run_pass()
    index = parse_bucket_index(await site.bucket.inner.get(BUCKET_INDEX_KEY))
    assert index.blocks.keys() == (await site.metas()).keys()
    marked = {ulid for ulid, block in index.blocks.items() if MarkKind.DELETION in block.marks}
    assert marked == set(await site.marks())


async def test_a_clock_far_behind_the_blocks_changes_nothing(site: Site) -> None:
    await site.put()
    objects = {info.key async for info in site.bucket.inner.list()}
    site.clock.time_ms -= 3650 * DAY_MS
    result = await site.compactor(CompactionSettings(consistency_delay_ms=0)).run_pass()
    assert result.refused
    assert {info.key async for info in site.bucket.inner.list()} == objects


async def test_nothing_is_marked_for_an_output_that_another_compactor_has_marked_meanwhile(site: Site) -> None:
    metas = await site.put()

    async def after(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("/meta.json"):
            await mark_block(site.bucket.inner, Mark(MarkKind.DELETION, key[:26], site.clock.now_ms() // 1000))

    site.bucket.after = after
    await site.compactor().run_pass()
    assert not set(await site.marks()) & {meta.ulid for meta in metas}
    assert len(site.ears.finished) == 1, "made again and again"


async def test_a_block_that_says_it_is_its_own_successor_ends_the_pass_all_the_same(site: Site) -> None:
    (meta, *_) = await site.put()
    strange = replace(meta, compaction=Compaction(level=2, sources=(), failed=True))
    await site.bucket.inner.put(f"{meta.ulid}/meta.json", render_meta(strange))
    await site.compactor().run_pass()


async def test_the_jobs_of_several_groups_run_side_by_side(site: Site) -> None:
    await site.put()
    await site.put(labels=OTHER)
    running = most = 0
    inner = site.compactor()._executor

    class Counting:
        async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                return await inner.submit(job, progress=progress)
            finally:
                running -= 1

        async def close(self) -> None:
            return

    await site.compactor(executor=Counting(), merges_at_once=2).run_pass()
    assert most == 2
    assert all(result.job.kind is JobKind.MERGE for result in site.ears.finished)
