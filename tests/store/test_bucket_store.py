"""The blocks of a bucket as one Store."""

from __future__ import annotations

import json
import os
import shutil
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from promontory.block.meta import BlockMeta
from promontory.bucket.memory import MemoryBucket
from promontory.errors import BucketUnavailable, ObjectNotFound, StoreError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.block_store import open_block
from promontory.store.bucket_store import BucketStore
from tests.blocks import Content, OpenMetricsSeries, bits_of, fill_bucket, make_blocks, read_frames, read_meta
from tests.parts import run_prometheus

pytestmark = pytest.mark.parts

START_S = 1_700_006_400
STEP_S = 60
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
NewContext = Callable[[], QueryContext]


@dataclass
class FixedListing:
    """A catalog that says what the test wants."""

    metas: dict[str, BlockMeta]
    unreadable: dict[str, str] = field(default_factory=dict)
    error: BucketUnavailable | None = None

    async def list_blocks(self) -> tuple[Mapping[str, BlockMeta], Mapping[str, str]]:
        if self.error is not None:
            raise self.error
        return self.metas, self.unreadable


@dataclass
class Site:
    bucket: MemoryBucket
    listing: FixedListing
    blocks: list[Path]

    def store(self, directory: Path | None = None) -> BucketStore:
        return BucketStore(self.bucket, self.listing, directory=directory)


def make_series() -> list[OpenMetricsSeries]:
    return [
        OpenMetricsSeries(
            "up", {"instance": f"host-{i}"}, [(START_S + STEP_S * step, str(step * i)) for step in range(360)]
        )
        for i in range(5)
    ]


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_blocks(tmp_path_factory.mktemp("blocks"), make_series())


@pytest.fixture
async def site(blocks: list[Path]) -> Site:
    metas = [read_meta(block, {"replica": "ab"[number % 2]}) for number, block in enumerate(blocks)]
    return Site(await fill_bucket(blocks), FixedListing({meta.ulid: meta for meta in metas}), blocks)


@pytest.fixture
def strict(pool: object) -> NewContext:
    return lambda: QueryContext(clock=SystemClock(), pool=pool, partial_response=False)  # type: ignore[arg-type]


def all_samples() -> Content:
    return {
        Labels.from_mapping({"__name__": one.name, **one.labels}): [
            (round(time_s * 1000), bits_of(value)) for time_s, value in one.samples
        ]
        for one in make_series()
    }


async def test_all_blocks_together_hold_every_sample_of_every_series_once(site: Site, strict: NewContext) -> None:
    store = site.store()
    report = await store.sync()
    assert len(site.blocks) == 3
    assert (report.loaded, report.failed) == (3, {})
    order, content = await read_frames(
        store.select(replace(EVERYTHING, without_replica_labels=(b"replica",)), strict())
    )
    assert order == sorted(order)
    assert {labels: sorted(samples) for labels, samples in content.items()} == all_samples()


async def test_each_series_comes_whole_in_one_frame_with_the_chunks_of_all_blocks(
    site: Site, context: QueryContext
) -> None:
    store = site.store()
    await store.sync()
    rows = []
    async for frame in store.select(replace(EVERYTHING, without_replica_labels=(b"replica",)), context):
        for row in range(len(frame.labels)):
            rows.append(frame.labels.labels(row))
            inside = frame.chunks.row == row
            assert len(np.unique(frame.chunks.source[inside])) == 2
            order = list(zip(frame.chunks.source[inside], frame.chunks.min_ms[inside], strict=True))
            assert order == sorted(order)
        assert len(frame.buffers) == 1
    assert len(rows) == len(set(rows)) == 5


async def test_a_block_whose_chunks_are_gone_is_named_and_the_others_are_served(
    site: Site, context: QueryContext, strict: NewContext
) -> None:
    store = site.store()
    await store.sync()
    gone = read_meta(site.blocks[1])
    await site.bucket.delete(f"{gone.ulid}/chunks/000001")
    selector = replace(EVERYTHING, without_replica_labels=(b"replica",))
    _, content = await read_frames(store.select(selector, context))
    assert [gone.ulid in warning for warning in context.warnings] == [True]
    span = range(gone.min_time_ms, gone.max_time_ms)
    assert {labels: sorted(samples) for labels, samples in content.items()} == {
        labels: [sample for sample in samples if sample[0] not in span] for labels, samples in all_samples().items()
    }
    assert context.budget.held_bytes == 0
    with pytest.raises(ObjectNotFound):
        await read_frames(store.select(selector, strict()))


async def test_only_blocks_of_the_range_and_labels_are_asked(site: Site, strict: NewContext) -> None:
    store = site.store()
    await store.sync()
    first, second, third = (read_meta(block) for block in site.blocks)
    selector = replace(EVERYTHING, time_range=TimeRange(first.min_time_ms, first.max_time_ms - 1))
    for other in (second, third):
        await site.bucket.delete(f"{other.ulid}/chunks/000001")
    _, content = await read_frames(store.select(selector, strict()))
    assert len(content) == 5
    with pytest.raises(ObjectNotFound):
        await read_frames(store.select(EVERYTHING, strict()))
    none = Selector((Matcher(MatchKind.EQUAL, b"replica", b"c"),), ALL_TIME)
    assert await read_frames(store.select(none, strict())) == ([], {})


async def test_it_says_what_it_holds(site: Site) -> None:
    store = site.store()
    assert not store.describe().time_range.overlaps(TimeRange(0, 2**60))
    await store.sync()
    info = store.describe()
    metas = [read_meta(block) for block in site.blocks]
    assert info.label_sets == (Labels.from_mapping({"replica": "a"}), Labels.from_mapping({"replica": "b"}))
    assert info.time_range == TimeRange(metas[0].min_time_ms, metas[-1].max_time_ms - 1)
    assert [(str(tsdb.labels), tsdb.time_range.min_time_ms) for tsdb in info.tsdb_infos] == [
        ('{replica="a"}', metas[0].min_time_ms),
        ('{replica="a"}', metas[2].min_time_ms),
        ('{replica="b"}', metas[1].min_time_ms),
    ]


async def test_ranges_that_touch_are_one(site: Site) -> None:
    ends = [read_meta(block).min_time_ms for block in site.blocks[1:]] + [read_meta(site.blocks[-1]).max_time_ms]
    metas = [replace(read_meta(block), max_time_ms=end) for block, end in zip(site.blocks, ends, strict=True)]
    site.listing.metas = {meta.ulid: meta for meta in metas}
    store = site.store()
    await store.sync()
    assert [tsdb.time_range for tsdb in store.describe().tsdb_infos] == [store.describe().time_range]


async def test_a_block_that_does_not_open_is_named_where_it_matters_until_it_opens(
    site: Site, context: QueryContext, strict: NewContext
) -> None:
    broken = read_meta(site.blocks[1])
    body = await site.bucket.get(f"{broken.ulid}/index")
    await site.bucket.put(f"{broken.ulid}/index", body[:-1])
    store = site.store()
    report = await store.sync()
    assert list(report.failed) == [broken.ulid]
    _, content = await read_frames(store.select(EVERYTHING, context))
    assert len(content) == 5
    assert [broken.ulid in warning for warning in context.warnings] == [True]
    with pytest.raises(StoreError, match=broken.ulid):
        await store.label_names(EVERYTHING, strict())
    elsewhere = TimeRange(broken.max_time_ms, ALL_TIME.max_time_ms)
    assert (await read_frames(store.select(replace(EVERYTHING, time_range=elsewhere), strict())))[0]
    await site.bucket.put(f"{broken.ulid}/index", body)
    assert (await store.sync()).opened == (broken.ulid,)
    assert await read_frames(store.select(EVERYTHING, strict()))


async def test_a_block_whose_meta_cannot_be_read_is_named_in_every_answer(site: Site, strict: NewContext) -> None:
    site.listing.unreadable = {"01ARZ3NDEKTSV4RRFFQ69G5FAV": "meta.json: expected a JSON object"}
    store = site.store()
    await store.sync()
    assert store.describe().label_sets == ()
    with pytest.raises(StoreError, match="01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        await read_frames(store.select(replace(EVERYTHING, time_range=TimeRange(0, 1)), strict()))


async def test_a_failed_listing_keeps_what_is_loaded(site: Site, strict: NewContext) -> None:
    store = site.store()
    await store.sync()
    site.listing.error = BucketUnavailable("down", key="", operation="list")
    with pytest.raises(BucketUnavailable):
        await store.sync()
    assert len((await read_frames(store.select(EVERYTHING, strict())))[0]) == 10


async def test_blocks_that_are_gone_are_dropped_with_their_headers(site: Site, tmp_path: Path) -> None:
    store = site.store(tmp_path)
    await store.sync()
    gone = site.blocks[0].name
    assert (tmp_path / gone).is_dir()
    del site.listing.metas[gone]
    assert (await store.sync()).dropped == (gone,)
    assert not (tmp_path / gone).exists()
    assert sorted(os.listdir(tmp_path)) == sorted(block.name for block in site.blocks[1:])


async def test_a_block_whose_meta_was_written_again_is_opened_again(site: Site) -> None:
    store = site.store()
    await store.sync()
    changed = read_meta(site.blocks[0], {"replica": "c"})
    site.listing.metas[changed.ulid] = changed
    assert (await store.sync()).opened == (changed.ulid,)
    assert Labels.from_mapping({"replica": "c"}) in store.describe().label_sets
    assert (await store.sync()).opened == ()


async def test_limits_count_series_of_all_blocks(site: Site, strict: NewContext) -> None:
    store = site.store()
    await store.sync()
    selector = replace(EVERYTHING, limit=3, without_replica_labels=(b"replica",))
    order, _ = await read_frames(store.select(selector, strict()))
    assert [labels.get(b"instance") for labels in order] == [b"host-0", b"host-1", b"host-2"]
    assert await store.label_values(b"instance", selector, strict()) == [b"host-0", b"host-1", b"host-2"]
    assert await store.label_names(Selector((), ALL_TIME), strict()) == [b"__name__", b"instance", b"replica"]


def delete_and_ask(blocks: list[Path], folder: Path) -> tuple[list[bytes], Content]:
    """Let a real Prometheus delete samples of the blocks; return its tombstones and what it still answers."""
    data = folder / "data"
    for block in blocks:
        shutil.copytree(block, data / block.name)
    low, high = START_S + 50 * STEP_S, START_S + 75 * STEP_S
    with run_prometheus(folder, flags=["--web.enable-admin-api"]) as prometheus:
        for match, start_s, end_s in ((r'up{instance="host-1"}', low, high), (r'up{instance="host-2"}', 0, 2e9)):
            form = urllib.parse.urlencode({"match[]": match, "start": start_s, "end": end_s})
            url = f"{prometheus.url}/api/v1/admin/tsdb/delete_series?{form}"
            urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30).close()
        form = urllib.parse.urlencode({"query": "up[6h]", "time": START_S + 360 * STEP_S})
        with urllib.request.urlopen(f"{prometheus.url}/api/v1/query?{form}", timeout=30) as answer:
            result = json.load(answer)["data"]["result"]
        tombstones = [(data / block.name / "tombstones").read_bytes() for block in blocks]
    return tombstones, {
        Labels.from_mapping(one["metric"]): [(round(t * 1000), bits_of(value)) for t, value in one["values"]]
        for one in result
    }


async def test_what_a_real_prometheus_deleted_is_not_served(
    blocks: list[Path], strict: NewContext, tmp_path: Path
) -> None:
    tombstones, wanted = delete_and_ask(blocks, tmp_path / "prometheus")
    bucket = await fill_bucket(blocks)
    content: Content = {}
    for block, body in zip(blocks, tombstones, strict=True):
        await bucket.put(f"{block.name}/tombstones", body)
        store = await open_block(bucket, read_meta(block))
        for labels, samples in (await read_frames(store.select(EVERYTHING, strict())))[1].items():
            content.setdefault(labels, []).extend(samples)
        only = replace(EVERYTHING, skip_chunks=True)
        assert len((await read_frames(store.select(only, strict())))[0]) == 4
    assert content == wanted
    assert len(wanted) == 4
