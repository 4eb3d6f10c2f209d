"""A job's output stands whole in the bucket or not at all; its inputs are only read."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta, parse_meta, render_meta
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.compaction.job import Job, JobKind
from promontory.compaction.observer import Stage
from promontory.compaction.reasons import (
    CORRUPT_CHUNKS,
    INCOMPLETE,
    MALFORMED_INDEX,
    OUTSIDE_CHUNKS,
    UNREADABLE_META,
    UNWORKABLE,
)
from promontory.compaction.running import workspace
from promontory.compaction.running.make_output import make_output
from promontory.compaction.running.run_job import JobOptions, run_job
from promontory.errors import BadBlockError, BucketUnavailable, CorruptionError, ObjectNotFound, StoppedError
from promontory.testing.still_clock import StillClock
from tests.compaction.proof.reading import read_raw
from tests.compaction.real_blocks import NOW_MS, ULID, merge_of, put_history, see, spoil
from tests.compaction.watched_bucket import WatchedBucket

CHUNKS, INDEX, META = "chunks/000001", "index", "meta.json"


class Site:
    """A bucket with three blocks of two hours, and a compactor's directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bucket = WatchedBucket(MemoryBucket(StillClock(NOW_MS)))
        self.work = folder / "work"
        self.metas: list[BlockMeta] = []
        self.stages: list[Stage] = []
        self.stop = False

    async def fill(self) -> None:
        self.metas = await put_history(self.bucket, self.folder / "made", see(6))
        self.bucket.calls.clear()

    async def run(self, job: Job | None = None, **arguments: object) -> BlockMeta | None:
        def progress(stage: Stage, done: int, total: int) -> None:
            if stage not in self.stages:
                self.stages.append(stage)

        result = await run_job(
            self.bucket, job or merge_of(self.metas), self.work, ulid=ULID, clock=StillClock(NOW_MS),
            stop=lambda: self.stop, progress=progress, **arguments,  # type: ignore[arg-type]
        )  # fmt: skip
        return result.output

    async def objects(self) -> dict[str, ObjectInfo]:
        return {info.key: info async for info in self.bucket.inner.list()}

    def on_disk(self) -> set[str]:
        return {path.relative_to(self.work).as_posix() for path in self.work.rglob("*") if path.is_file()}


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    await made.fill()
    return made


def before(operation: str, key: str, act: Callable[[], Awaitable[None]]) -> Callable[[str, str], Awaitable[None]]:
    """Return a hook that acts once, before an operation on a key that ends so."""
    acted = False

    async def hook(found: str, at: str) -> None:
        nonlocal acted
        if not acted and found == operation and at.endswith(key):
            acted = True
            await act()

    return hook


async def fail() -> None:
    raise BucketUnavailable("a fault", key="any", operation="any")


async def test_the_output_holds_the_samples_of_the_inputs_and_the_inputs_stay(site: Site, tmp_path: Path) -> None:
    inputs = await site.objects()
    output = await site.run()
    assert output is not None
    objects = await site.objects()
    assert {key: objects[key] for key in inputs} == inputs
    assert {key for key in objects if key not in inputs} == {f"{ULID}/{name}" for name in (CHUNKS, INDEX, META)}
    for key in objects.keys() - inputs.keys():
        path = tmp_path / "read" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await site.bucket.get(key))
    assert read_raw(tmp_path / "read" / ULID) == see(6)
    assert parse_meta(await site.bucket.get(f"{ULID}/{META}"), source=META) == output
    assert output.thanos is not None
    assert output.thanos.upload_time_ms == NOW_MS


async def test_nothing_is_left_on_disk_and_the_stages_come_in_order(site: Site) -> None:
    await site.run()
    assert not site.on_disk()
    assert site.stages == list(Stage)


async def test_meta_json_is_written_only_after_every_other_byte_was_read_back(site: Site) -> None:
    await site.run()
    calls = [(operation, key.removeprefix(f"{ULID}/")) for operation, key in site.bucket.calls if ULID in key]
    committed = calls.index(("put", META))
    for name in (CHUNKS, INDEX):
        assert calls.index(("upload", name)) < calls.index(("get_range", name)) < committed
    assert ("get", META) in calls[committed:]


@pytest.mark.parametrize("name", [CHUNKS, INDEX])
async def test_an_output_that_arrives_otherwise_is_never_seen_and_taken_back(site: Site, name: str) -> None:
    async def after(operation: str, key: str) -> None:
        if operation == "upload" and key == f"{ULID}/{name}":
            await spoil(site.bucket.inner, key)

    site.bucket.after = after
    before_it = await site.objects()
    with pytest.raises(BucketUnavailable, match="that were uploaded"):
        await site.run()
    assert await site.objects() == before_it
    assert ("put", f"{ULID}/{META}") not in site.bucket.calls


async def test_a_meta_json_that_arrives_otherwise_is_taken_back(site: Site) -> None:
    async def after(operation: str, key: str) -> None:
        if operation == "put":
            body = await site.bucket.inner.get(key)
            await site.bucket.inner.put(key, body.replace(b"compactor", b"compactoR"))

    site.bucket.after = after
    before_it = await site.objects()
    with pytest.raises(BucketUnavailable, match="the document that was written"):
        await site.run()
    assert await site.objects() == before_it


@pytest.mark.parametrize("operation", ["put", "get"])
async def test_once_meta_json_is_there_the_output_stays_whatever_answer_is_lost(site: Site, operation: str) -> None:
    lost = 0

    async def lose(found: str, key: str) -> None:
        nonlocal lost
        if (found, key) == (operation, f"{ULID}/{META}") and not lost:
            lost += 1
            raise BucketUnavailable("the answer was lost", key=key, operation=found)

    if operation == "put":
        site.bucket.after = lose
    else:
        site.bucket.before = lose
    with pytest.raises(BucketUnavailable, match="the answer was lost"):
        await site.run()
    assert {f"{ULID}/{name}" for name in (CHUNKS, INDEX, META)} <= (await site.objects()).keys()


@pytest.mark.parametrize(
    ("operation", "key"),
    [("get", META), ("list", "/"), ("download", INDEX), ("upload", CHUNKS), ("upload", INDEX), ("get_range", INDEX),
     ("put", META)],
)  # fmt: skip
async def test_a_fault_of_the_bucket_leaves_nothing_but_copies_to_use_again(
    site: Site, operation: str, key: str
) -> None:
    before_it = await site.objects()
    site.bucket.before = before(operation, key, fail)
    with pytest.raises(BucketUnavailable, match="a fault"):
        await site.run()
    assert await site.objects() == before_it
    assert not any(path.startswith(ULID) for path in site.on_disk())
    assert await site.run() is not None


async def test_copies_of_an_earlier_try_are_not_downloaded_again(site: Site) -> None:
    site.bucket.before = before("upload", CHUNKS, fail)
    with pytest.raises(BucketUnavailable):
        await site.run()
    site.bucket.calls.clear()
    await site.run()
    assert {key.partition("/")[2] for key in site.bucket.keys_of("download")} == {META}


async def test_a_bad_copy_on_disk_is_no_fault_of_the_block(site: Site) -> None:
    site.bucket.before = before("upload", CHUNKS, fail)
    with pytest.raises(BucketUnavailable):
        await site.run()
    copy = site.work / site.metas[1].ulid / CHUNKS
    body = bytearray(copy.read_bytes())
    body[len(body) // 2] ^= 1
    copy.write_bytes(body)
    with pytest.raises(BucketUnavailable, match="the copy of the block on disk was bad"):
        await site.run()
    assert await site.run() is not None


async def test_hashes_are_written_where_asked_for_and_copies_are_held_against_them(site: Site) -> None:
    output = await site.run(options=JobOptions(hash_function="SHA256"))
    assert output is not None
    assert output.thanos is not None
    hashes = [file.hash_value for file in output.thanos.files if file.path != META]
    assert all(len(value) == 64 for value in hashes)
    await spoil(site.bucket.inner, f"{ULID}/{INDEX}")
    with pytest.raises(BucketUnavailable, match="did not arrive whole"):
        await run_job(
            site.bucket, Job(JobKind.REWRITE, "0@1", (ULID,), 0), site.work, ulid=site.metas[0].ulid,
            clock=StillClock(NOW_MS),
        )  # fmt: skip


async def test_each_bad_input_is_named_with_the_word_for_its_mark(site: Site) -> None:
    async def lose(key: str) -> None:
        await site.bucket.inner.delete(key)

    async def cut_meta(key: str) -> None:
        await site.bucket.inner.put(key, b"{")

    async def shrink(key: str) -> None:
        body = await site.bucket.inner.get(key)
        meta = replace(parse_meta(body, source=key), max_time_ms=site.metas[1].max_time_ms - 3_600_000)
        await site.bucket.inner.put(key, render_meta(meta))

    async def spoil_it(key: str) -> None:
        await spoil(site.bucket.inner, key)

    cases: list[tuple[str, Callable[[str], Awaitable[None]], str]] = [
        (CHUNKS, spoil_it, CORRUPT_CHUNKS),
        (INDEX, spoil_it, MALFORMED_INDEX),
        (CHUNKS, lose, INCOMPLETE),
        (META, cut_meta, UNREADABLE_META),
        (META, shrink, OUTSIDE_CHUNKS),
    ]
    for name, act, reason in cases:
        key = f"{site.metas[1].ulid}/{name}"
        body = await site.bucket.inner.get(key)
        await act(key)
        objects = await site.objects()
        with pytest.raises(BadBlockError) as caught:
            await site.run()
        assert (caught.value.ulids, caught.value.reason) == ((site.metas[1].ulid,), reason)
        assert site.metas[1].ulid in str(caught.value)
        assert await site.objects() == objects
        await site.bucket.inner.put(key, body)


async def test_an_input_that_was_deleted_meanwhile_is_not_bad(site: Site) -> None:
    await site.bucket.inner.delete(f"{site.metas[1].ulid}/{META}")
    with pytest.raises(ObjectNotFound):
        await site.run()


async def test_wrong_counts_in_the_meta_json_of_an_input_do_not_hinder(site: Site) -> None:
    wrong = replace(site.metas[0], stats=replace(site.metas[0].stats, sample_count=1, series_count=9))
    await site.bucket.inner.put(f"{wrong.ulid}/{META}", render_meta(wrong))
    assert await site.run() is not None


def losing(job: Job, inputs: Sequence[Path], target: Path, **arguments: object) -> BlockMeta | None:
    """Merge all inputs but the last."""
    return make_output(job, inputs[:-1], target, **arguments)  # type: ignore[arg-type]


def making_nothing(job: Job, inputs: Sequence[Path], target: Path, **arguments: object) -> BlockMeta | None:
    """Say that nothing is left."""
    return None


def blaming(job: Job, inputs: Sequence[Path], target: Path, **arguments: object) -> BlockMeta | None:
    """Not manage an input that is good."""
    raise CorruptionError("chunk", source=f"{inputs[0].name}/chunks/000001", offset=1, expected="a", found="b")


@pytest.mark.parametrize("make", [losing, making_nothing])
async def test_an_output_that_lost_samples_is_not_uploaded(site: Site, make: object) -> None:
    objects = await site.objects()
    with pytest.raises(CorruptionError, match="samples"):
        await site.run(make=make)
    assert await site.objects() == objects
    assert not any(path.startswith(ULID) for path in site.on_disk())


async def test_an_input_that_the_work_blames_is_named_though_no_check_finds_a_fault(site: Site) -> None:
    with pytest.raises(BadBlockError) as caught:
        await site.run(make=blaming)
    assert (caught.value.ulids, caught.value.reason) == ((site.metas[0].ulid,), UNWORKABLE)


async def test_an_input_is_not_blamed_for_what_an_old_copy_on_disk_did(site: Site) -> None:
    site.bucket.before = before("upload", CHUNKS, fail)
    with pytest.raises(BucketUnavailable, match="a fault"):
        await site.run()
    with pytest.raises(BucketUnavailable, match="others are to be fetched"):
        await site.run(make=blaming)
    with pytest.raises(BadBlockError):
        await site.run(make=blaming)


async def test_disk_space_is_asked_for_before_anything_is_downloaded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "SPARE_BYTES", 1 << 62)
    with pytest.raises(OSError, match=r"expected .*B free") as caught:
        await site.run()
    assert caught.value.errno == errno.ENOSPC
    assert not site.bucket.keys_of("download")


@pytest.mark.parametrize("key", [META, INDEX, CHUNKS])
@pytest.mark.parametrize("operation", ["download", "upload", "get_range", "put"])
async def test_told_to_stop_it_leaves_nothing_in_the_bucket(site: Site, operation: str, key: str) -> None:
    async def stop() -> None:
        site.stop = True

    objects = await site.objects()
    site.bucket.before = before(operation, key, stop)
    try:
        output = await site.run()
    except StoppedError:
        assert await site.objects() == objects
        assert not any(path.startswith(ULID) for path in site.on_disk())
    else:
        assert output is not None, "told after the last place to stop at"


@pytest.mark.parametrize("operation", ["download", "upload", "get_range"])
async def test_canceled_it_leaves_nothing_in_the_bucket(site: Site, operation: str) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    objects = await site.objects()
    site.bucket.before = before(operation, INDEX, hang)
    task = asyncio.create_task(site.run())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await site.objects() == objects
    assert not any(path.startswith(ULID) for path in site.on_disk())


async def test_a_downsampled_block_stands_for_as_many_samples_as_its_input_has(tmp_path: Path) -> None:
    site = Site(tmp_path)
    (raw,) = await put_history(site.bucket, tmp_path / "made", see(4), hours=4)
    output = await site.run(Job(JobKind.DOWNSAMPLE, "0@1", (raw.ulid,), 300_000))
    assert output is not None
    assert output.resolution_ms == 300_000
