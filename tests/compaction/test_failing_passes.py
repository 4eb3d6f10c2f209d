"""What fails stops only itself: bad blocks are marked, the rest is tried again, and a stop leaves nothing."""

from __future__ import annotations

import pytest

from promontory.block.markers import MarkKind
from promontory.compaction.observer import FailureKind
from promontory.compaction.reasons import CORRUPT_CHUNKS, OUT_OF_ORDER_CHUNKS
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BadBlockError, BucketUnavailable, HaltError, JobError, StoppedError
from tests.compaction.pass_site import OTHER, Failing, Site
from tests.compaction.real_blocks import spoil, take_away


async def test_a_bad_block_is_marked_and_the_others_of_its_group_are_merged(site: Site) -> None:
    metas = await site.put(hours=18)
    await spoil(site.bucket.inner, f"{metas[1].ulid}/chunks/000001")
    await site.compactor().run_pass()
    mark = (await site.marks(MarkKind.NO_COMPACT))[metas[1].ulid]
    assert mark.reason == CORRUPT_CHUNKS
    assert metas[1].ulid in mark.details
    assert metas[1].ulid in await site.unmarked()
    merged = [meta for meta in (await site.unmarked()).values() if meta.compaction.level > 1]
    assert sorted(source for meta in merged for source in meta.compaction.sources) == sorted(
        meta.ulid for meta in metas[2:8]
    )
    assert [kind for _, _, kind in site.ears.failed] == [FailureKind.BAD_BLOCK]


async def test_with_halting_a_bad_block_is_not_marked_and_ends_the_pass(site: Site) -> None:
    metas = await site.put()
    await spoil(site.bucket.inner, f"{metas[1].ulid}/chunks/000001")
    with pytest.raises(HaltError, match=metas[1].ulid):
        await site.compactor(CompactionSettings(halt_on_error=True)).run_pass()
    assert not await site.marks(MarkKind.NO_COMPACT)


async def test_with_halting_a_fault_of_ours_halts_and_a_fault_of_the_bucket_does_not(site: Site) -> None:
    metas = await site.put()
    settings = CompactionSettings(halt_on_error=True)
    ours = Failing(site, AssertionError("a fault of ours"), metas[0].ulid)
    with pytest.raises(HaltError, match="a fault of ours"):
        await site.compactor(settings, executor=ours).run_pass()
    bucket = Failing(site, BucketUnavailable("a fault", key="k", operation="get"), metas[0].ulid)
    with pytest.raises(JobError):
        await site.compactor(settings, executor=bucket).run_pass()


async def test_with_halting_blocks_with_chunks_out_of_order_are_skipped_where_asked_for(site: Site) -> None:
    metas = await site.put()
    error = BadBlockError("out of order", ulids=(metas[1].ulid,), reason=OUT_OF_ORDER_CHUNKS)
    settings = CompactionSettings(halt_on_error=True, skip_out_of_order_chunks=True)
    await site.compactor(settings, executor=Failing(site, error, metas[1].ulid)).run_pass()
    assert (await site.marks(MarkKind.NO_COMPACT))[metas[1].ulid].reason == OUT_OF_ORDER_CHUNKS


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BucketUnavailable("a fault", key="k", operation="get"), FailureKind.RETRYABLE),
        (OSError(28, "No space left on device"), FailureKind.RETRYABLE),
        (AssertionError("a fault of ours"), FailureKind.FATAL),
    ],
)
async def test_a_job_that_fails_holds_up_no_other_and_is_told_at_the_end(
    site: Site, error: Exception, kind: FailureKind
) -> None:
    metas = await site.put()
    others = await site.put(labels=OTHER)
    failing = Failing(site, error, metas[0].ulid)
    with pytest.raises(JobError) as caught:
        await site.compactor(executor=failing).run_pass()
    assert caught.value.retryable
    assert failing.tries == 1, "tried again in the same pass"
    assert [found for _, _, found in site.ears.failed] == [kind]
    assert {meta.ulid for meta in others[:4]} <= set(await site.marks())
    assert not set(await site.marks()) & {meta.ulid for meta in metas}
    assert not await site.marks(MarkKind.NO_COMPACT)
    await site.compactor().run_pass()
    assert {meta.ulid for meta in metas[:4]} <= set(await site.marks())


async def test_what_fails_for_no_reason_outside_is_left_after_three_passes(site: Site) -> None:
    metas = await site.put()
    failing = Failing(site, AssertionError("a fault of ours"), metas[0].ulid)
    compactor = site.compactor(executor=failing)
    for _ in range(3):
        with pytest.raises(JobError):
            await compactor.run_pass()
    await compactor.run_pass()
    assert failing.tries == 3


async def test_told_to_stop_a_pass_ends_and_the_next_one_ends_what_it_began(site: Site) -> None:
    metas = await site.put()
    points = 0

    async def count(operation: str, key: str) -> None:
        nonlocal points
        points += 1
        site.stop = site.stop or points == at

    at = -1
    site.bucket.before = count
    objects = {info.key: await site.bucket.inner.get(info.key) async for info in site.bucket.inner.list()}
    await site.compactor().run_pass()
    last, stopped = points, 0
    for place in range(1, last, 5):
        await take_away(site.bucket.inner, "")
        for key, body in objects.items():
            await site.bucket.inner.put(key, body)
        points, at = 0, place
        try:
            await site.compactor().run_pass()
        except StoppedError:
            stopped += 1
        partial = {info.key[:26] async for info in site.bucket.inner.list() if info.key[26:27] == "/"}
        assert partial == set(await site.metas()), "a block without meta.json was left"
        at, site.stop = -1, False
        await site.compactor().run_pass()
        merged = [meta for meta in (await site.unmarked()).values() if meta.compaction.level == 2]
        assert [sorted(meta.compaction.sources) for meta in merged] == [sorted(meta.ulid for meta in metas[:4])]
    assert stopped > last // 10
