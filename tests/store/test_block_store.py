"""A block made by promtool, read as a Store."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promontory.block import postings
from promontory.block.meta import BlockFile, BlockMeta, ThanosMeta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.errors import CorruptionError, InputError, ObjectNotFound
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector, Shard
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store import chunk_windows
from promontory.store.block_store import BlockStore, open_block
from promontory.testing.memory_store import in_shard
from tests.blocks import Content, OpenMetricsSeries, bits_of, fill_bucket, make_blocks, read_frames, read_meta
from tests.parts import part_path

pytestmark = pytest.mark.parts

START_S = 1_700_006_400
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
NewContext = Callable[[], QueryContext]


def make_series() -> list[OpenMetricsSeries]:
    chance = random.Random(7)
    series = []
    special = ["NaN", "+Inf", "-Inf", "-0", "1e-300", "5e-324", "1.7976931348623157e308"]
    for number, (name, job) in enumerate(itertools.product(["cpu", "disk_bytes", "up"], ["api", "db", "größe", "web"])):
        for instance in range(1 + number % 4):
            labels = {"job": job, "instance": f"host-{instance}:9100"}
            if number % 3 == 0:
                labels["zone"] = f"z{instance}"
            if number % 5 == 1:
                labels["a"] = "first"
            count = [1, 119, 121, 400][(number + instance) % 4]
            start_s = START_S + 30 * chance.randrange(60)
            samples = [
                (start_s + 15 * i + chance.randrange(9) / 1000, chance.choice([*special, f"{chance.gauss(0, 9):.6g}"]))
                for i in range(count)
            ]
            series.append(OpenMetricsSeries(name, labels, samples))
    return series


def content_of(series: list[OpenMetricsSeries], low_ms: int, high_ms: int) -> Content:
    content: Content = {}
    for one in series:
        samples = [(round(time_s * 1000), bits_of(value)) for time_s, value in one.samples]
        kept = [sample for sample in samples if low_ms <= sample[0] < high_ms]
        if kept:
            content[Labels.from_mapping({"__name__": one.name, **one.labels})] = kept
    return content


SERIES = make_series()


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_blocks(tmp_path_factory.mktemp("blocks"), SERIES)


@pytest.fixture(scope="module")
def block(blocks: list[Path]) -> Path:
    return blocks[0]


@pytest.fixture(scope="module")
def expected(block: Path) -> Content:
    meta = read_meta(block)
    return content_of(SERIES, meta.min_time_ms, meta.max_time_ms)


@pytest.fixture
def strict(pool: object) -> NewContext:
    return lambda: QueryContext(clock=SystemClock(), pool=pool, partial_response=False)  # type: ignore[arg-type]


async def open_with(block: Path, labels: dict[str, str] | None = None) -> BlockStore:
    return await open_block(await fill_bucket([block]), read_meta(block, labels))


async def test_every_sample_of_every_block_is_read_bit_for_bit(blocks: list[Path], strict: NewContext) -> None:
    assert len(blocks) == 2
    for path in blocks:
        meta = read_meta(path)
        order, content = await read_frames((await open_with(path)).select(EVERYTHING, strict()))
        assert order == sorted(order)
        assert content == content_of(SERIES, meta.min_time_ms, meta.max_time_ms)


@pytest.fixture(scope="module")
def dumped(block: Path) -> list[str]:
    (block.parent / "wal").mkdir()
    argv = [str(part_path("promtool")), "tsdb", "dump", str(block.parent)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


async def test_the_answer_is_what_promtool_dumps(block: Path, dumped: list[str], strict: NewContext) -> None:
    meta = read_meta(block)
    times = sorted(int(line.rsplit(" ", 1)[1]) for line in dumped)
    _, content = await read_frames((await open_with(block)).select(EVERYTHING, strict()))
    mine = sorted(time_ms for samples in content.values() for time_ms, _ in samples)
    assert mine == [time_ms for time_ms in times if meta.min_time_ms <= time_ms < meta.max_time_ms]


async def test_a_directory_answers_like_memory_cold_and_warm(
    block: Path, expected: Content, strict: NewContext, tmp_path: Path
) -> None:
    bucket = FilesystemBucket(block.parent)
    for _ in range(2):
        store = await open_block(bucket, read_meta(block), directory=tmp_path)
        assert (await read_frames(store.select(EVERYTHING, strict())))[1] == expected
    assert (tmp_path / block.name / "index-header").is_file()


@pytest.mark.parametrize("values_per_lookup", [0, 50])
async def test_matchers_select_what_brute_force_selects(
    block: Path,
    expected: Content,
    strict: NewContext,
    monkeypatch: pytest.MonkeyPatch,
    values_per_lookup: int,
) -> None:
    monkeypatch.setattr(postings, "VALUES_PER_LOOKUP", values_per_lookup)  # 0: alternatives are always looked up
    store = await open_with(block)
    chance = random.Random(3)
    values = [b"", b"api", b"cpu", b"host-1:9100", b"z0", b"first", "größe".encode(), b"none"]
    patterns = [b"", b".*", b".+", b"host-[12].*", b"a.i|db", b"z0|", b"gr..e", b"|first", b"[^z]*", b"api|none|api"]
    names = [b"__name__", b"job", b"instance", b"zone", b"a", b"missing"]
    singles = [Matcher(kind, name, value) for kind in list(MatchKind)[:2] for name in names for value in values]
    singles += [Matcher(kind, name, value) for kind in list(MatchKind)[2:] for name in names for value in patterns]
    sets = [(single,) for single in singles] + [tuple(chance.sample(singles, 3)) for _ in range(150)]
    for matchers in sets:
        selector = Selector(matchers, ALL_TIME, skip_chunks=True)
        order, _ = await read_frames(store.select(selector, strict()))
        wanted = [row for row in expected if all(matcher.matches(row.get(matcher.name)) for matcher in matchers)]
        assert order == sorted(wanted), [str(matcher) for matcher in matchers]


async def test_a_bad_regular_expression_is_the_callers_fault(block: Path, strict: NewContext) -> None:
    store = await open_with(block)
    with pytest.raises(InputError, match="error parsing regexp"):
        await read_frames(store.select(Selector((Matcher(MatchKind.REGEX, b"job", b"("),), ALL_TIME), strict()))


async def test_only_chunks_that_overlap_the_time_range_are_read(
    block: Path, expected: Content, strict: NewContext
) -> None:
    store = await open_with(block)
    low, high = (START_S + 2000) * 1000, (START_S + 2600) * 1000
    for span in (TimeRange(low, high), TimeRange(low, low), TimeRange(high, high + 1)):
        _, content = await read_frames(store.select(replace(EVERYTHING, time_range=span), strict()))
        for labels, samples in expected.items():
            inside = [one for one in samples if span.min_time_ms <= one[0] <= span.max_time_ms]
            assert set(inside) <= set(content.get(labels, [])) <= set(samples)
        assert sum(map(len, content.values())) < sum(map(len, expected.values()))


async def test_a_range_outside_the_block_answers_nothing(block: Path, strict: NewContext) -> None:
    store = await open_with(block)
    meta = read_meta(block)
    for span in (TimeRange(0, meta.min_time_ms - 1), TimeRange(meta.max_time_ms, meta.max_time_ms)):
        selector = replace(EVERYTHING, time_range=span)
        assert await read_frames(store.select(selector, strict())) == ([], {})
        assert await store.label_names(selector, strict()) == []


async def test_external_labels_win_and_matchers_on_them_are_decided_first(
    block: Path, expected: Content, strict: NewContext
) -> None:
    store = await open_with(block, {"job": "outside", "cluster": "eu"})
    order, _ = await read_frames(store.select(replace(EVERYTHING, skip_chunks=True), strict()))
    wanted = {
        Labels.from_mapping({**dict(row.pairs), b"job": b"outside", b"cluster": b"eu"}) for row in expected
    }  # fmt: skip
    assert order == sorted(wanted)
    refused = Selector((Matcher(MatchKind.EQUAL, b"job", b"api"),), ALL_TIME)
    assert await read_frames(store.select(refused, strict())) == ([], {})
    only = Selector((Matcher(MatchKind.EQUAL, b"cluster", b"eu"),), ALL_TIME, skip_chunks=True)
    assert (await read_frames(store.select(only, strict())))[0] == sorted(wanted)


async def test_stripped_replica_labels_become_the_source_and_the_order_is_right(
    block: Path, expected: Content, strict: NewContext
) -> None:
    store = await open_with(block, {"replica": "x", "zz": "1"})
    context = strict()
    stripped = (b"a", b"instance", b"replica")
    sources: dict[Labels, set[bytes]] = {}
    order = []
    async for frame in store.select(replace(EVERYTHING, without_replica_labels=stripped), context):
        order += [frame.labels.labels(row) for row in range(len(frame.labels))]
        for row, source in zip(frame.chunks.row.tolist(), frame.chunks.source.tolist(), strict=True):
            sources.setdefault(frame.labels.labels(row), set()).add(context.symbols.text(source))
    wanted: dict[Labels, set[bytes]] = {}
    for row in expected:
        parts = [part for name in stripped[:2] if (value := row.get(name)) for part in [name + b'="' + value + b'"']]
        kept = Labels(tuple(sorted((*row.without(stripped).pairs, (b"zz", b"1")))))
        wanted.setdefault(kept, set()).add(b",".join([*parts, b'replica="x"']))
    assert order == sorted(wanted)
    assert sources == wanted


async def test_shards_split_the_series_as_the_reference_hash_does(
    block: Path, expected: Content, strict: NewContext
) -> None:
    store = await open_with(block)
    for by, labels in ((True, (b"job", b"zone")), (False, (b"instance",))):
        for index in range(3):
            shard = Shard(index, 3, by, labels)
            order, _ = await read_frames(store.select(replace(EVERYTHING, shard=shard, skip_chunks=True), strict()))
            assert order == sorted(row for row in expected if in_shard(row, shard))


async def test_a_limit_keeps_the_first_series(block: Path, expected: Content, strict: NewContext) -> None:
    store = await open_with(block)
    order, _ = await read_frames(store.select(replace(EVERYTHING, limit=5), strict()))
    assert order == sorted(expected)[:5]


async def test_label_names_and_values_with_and_without_matchers(
    block: Path, expected: Content, strict: NewContext
) -> None:
    store = await open_with(block, {"cluster": "eu"})
    every = Selector((), ALL_TIME)
    api = Selector((Matcher(MatchKind.EQUAL, b"job", b"api"),), ALL_TIME)
    names = {name for row in expected for name, _ in row.pairs} | {b"cluster"}
    assert await store.label_names(every, strict()) == sorted(names)
    assert await store.label_names(replace(every, limit=2), strict()) == sorted(names)[:2]
    assert await store.label_values(b"job", every, strict()) == sorted({row.get(b"job") for row in expected})
    assert await store.label_values(b"cluster", every, strict()) == [b"eu"]
    assert await store.label_values(b"missing", every, strict()) == []
    rows = [row for row in expected if row.get(b"job") == b"api"]
    assert await store.label_names(api, strict()) == sorted({n for row in rows for n, _ in row.pairs} | {b"cluster"})
    zones = sorted({row.get(b"zone") for row in rows} - {b""})
    assert await store.label_values(b"zone", api, strict()) == zones
    assert await store.label_values(b"cluster", api, strict()) == [b"eu"]
    without = replace(api, without_replica_labels=(b"cluster",))
    assert await store.label_values(b"cluster", without, strict()) == []


async def test_small_windows_and_wrong_size_guesses_change_nothing(
    block: Path, expected: Content, strict: NewContext
) -> None:
    meta = read_meta(block, {})
    assert meta.thanos is not None
    bucket = await fill_bucket([block])
    for series_bytes, chunk_bytes, gap_bytes in ((1, 1, 0), (20, 12, 0), (30, 40, 10)):
        thanos = replace(meta.thanos, series_max_bytes=series_bytes, chunk_max_bytes=chunk_bytes)
        store = await open_block(bucket, replace(meta, thanos=thanos), gap_bytes=gap_bytes)
        _, content = await read_frames(store.select(EVERYTHING, strict(), window_bytes=300))
        assert content == expected


async def test_the_end_of_a_batch_cuts_no_window_short(
    block: Path, strict: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each window is a request of a network to each block: 120 blocks were asked 9 % more often than they need be.
    store = await open_with(block)
    found = []
    for batch_chunks in (chunk_windows.BATCH_CHUNKS, 20):
        monkeypatch.setattr(chunk_windows, "BATCH_CHUNKS", batch_chunks)
        monkeypatch.setattr(chunk_windows, "BLOCK_CHUNKS", 1)
        found.append([len(frame.labels) async for frame in store.select(EVERYTHING, strict(), window_bytes=1500)])
    assert len(found[0]) > 5
    assert found[0] == found[1]


async def test_the_budget_is_given_back(block: Path, strict: NewContext) -> None:
    context = strict()
    await read_frames((await open_with(block)).select(EVERYTHING, context))
    assert context.budget.peak_bytes > 0
    assert context.budget.held_bytes == 0


async def test_a_select_given_up_gives_its_budget_back_at_once(block: Path, strict: NewContext) -> None:
    context = strict()
    frames = (await open_with(block)).select(EVERYTHING, context, window_bytes=300)
    await anext(frames)
    assert context.budget.held_bytes > 0
    before = asyncio.all_tasks()
    await frames.aclose()
    assert context.budget.held_bytes == 0
    assert asyncio.all_tasks() < before


async def test_a_block_deleted_under_the_reader_is_named(
    block: Path, context: QueryContext, strict: NewContext
) -> None:
    bucket = await fill_bucket([block])
    store = await open_block(bucket, read_meta(block))
    for key in [info.key async for info in bucket.list(f"{block.name}/chunks/")]:
        await bucket.delete(key)
    assert await read_frames(store.select(EVERYTHING, context)) == ([], {})
    assert [block.name in warning for warning in context.warnings] == [True]
    with pytest.raises(ObjectNotFound):
        await read_frames(store.select(EVERYTHING, strict()))


def flip(body: bytes, position: int) -> bytes:
    return body[:position] + bytes([body[position] ^ 0x10]) + body[position + 1 :]


async def try_read(bucket: object, meta: BlockMeta, context: QueryContext) -> Content:
    """Read everything; a block that cannot be opened answers nothing and warns."""
    try:
        store = await open_block(bucket, meta)  # type: ignore[arg-type]
        return (await read_frames(store.select(EVERYTHING, context)))[1]
    except CorruptionError as error:
        context.tolerate(error)
        return {}


@pytest.mark.parametrize("file", ["index", "chunks/000001"])
async def test_a_flipped_bit_anywhere_is_named_and_never_a_wrong_sample(
    block: Path, expected: Content, pool: object, file: str
) -> None:
    body = (block / file).read_bytes()
    chance = random.Random(11)
    unseen = 0
    for position in [*range(60), *range(len(body) - 60, len(body)), *chance.sample(range(len(body)), 150)]:
        bucket = await fill_bucket([block])
        await bucket.put(f"{block.name}/{file}", flip(body, position))
        context = QueryContext(clock=SystemClock(), pool=pool)  # type: ignore[arg-type]
        content = await try_read(bucket, read_meta(block), context)
        for labels, samples in content.items():
            assert set(samples) <= set(expected.get(labels, [])), position
        if context.warnings:
            assert all(block.name in warning for warning in context.warnings)
        else:
            assert content == expected, position
            unseen += 1
    assert unseen < 200


@pytest.mark.parametrize("file", ["index", "chunks/000001"])
async def test_a_file_cut_short_is_named(block: Path, expected: Content, pool: object, file: str) -> None:
    body = (block / file).read_bytes()
    for size in (0, 1, 13, 57, len(body) // 2, len(body) - 1):
        bucket = await fill_bucket([block])
        await bucket.put(f"{block.name}/{file}", body[:size])
        context = QueryContext(clock=SystemClock(), pool=pool)  # type: ignore[arg-type]
        content = await try_read(bucket, read_meta(block), context)
        assert context.warnings
        assert all(block.name in warning for warning in context.warnings)
        for labels, samples in content.items():
            assert set(samples) <= set(expected[labels])


async def test_one_corrupt_chunk_costs_only_itself(block: Path, expected: Content, context: QueryContext) -> None:
    body = (block / "chunks/000001").read_bytes()
    bucket = await fill_bucket([block])
    await bucket.put(f"{block.name}/chunks/000001", flip(body, 30))
    content = await try_read(bucket, read_meta(block), context)
    lost = sum(map(len, expected.values())) - sum(map(len, content.values()))
    assert 0 < lost <= 120
    assert ["chunk record" in warning and "segment 1" in warning for warning in context.warnings] == [True]


async def test_a_corrupt_local_header_is_built_again(
    block: Path, expected: Content, strict: NewContext, tmp_path: Path
) -> None:
    bucket = FilesystemBucket(block.parent)
    await open_block(bucket, read_meta(block), directory=tmp_path)
    path = tmp_path / block.name / "index-header"
    good = path.read_bytes()
    for bad in (b"", good[:100], flip(good, 40), flip(good, len(good) - 5)):
        path.write_bytes(bad)
        store = await open_block(bucket, read_meta(block), directory=tmp_path)
        assert (await read_frames(store.select(EVERYTHING, strict())))[1] == expected
        assert path.read_bytes() == good


async def test_a_data_directory_that_takes_no_file_does_not_matter(
    block: Path, expected: Content, strict: NewContext, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    store = await open_block(FilesystemBucket(block.parent), read_meta(block), directory=tmp_path / "file")
    assert (await read_frames(store.select(EVERYTHING, strict())))[1] == expected


async def test_two_segment_files_are_read(block: Path, expected: Content, strict: NewContext, tmp_path: Path) -> None:
    meta = read_meta(block)
    copy = tmp_path / block.name
    shutil.copytree(block, copy)
    (copy / "chunks/000001").rename(copy / "chunks/000002")
    (copy / "chunks/000001").write_bytes(b"")
    store = await open_block(await fill_bucket([copy]), meta)
    context = strict()
    with pytest.raises(CorruptionError, match="segment 1"):
        await read_frames(store.select(EVERYTHING, context))
    assert context.budget.held_bytes == 0
    assert expected


async def test_other_files_beside_the_segments_are_no_segments(
    block: Path, expected: Content, strict: NewContext
) -> None:
    bucket = await fill_bucket([block])
    for name in (".nfs0001", "000000", "000001.tmp", "0000001", "old/000001"):
        await bucket.put(f"{block.name}/chunks/{name}", b"not a segment")
    store = await open_block(bucket, read_meta(block))
    assert (await read_frames(store.select(EVERYTHING, strict())))[1] == expected


async def test_a_missing_segment_is_named_and_the_next_one_not_read_in_its_place(
    block: Path, context: QueryContext
) -> None:
    bucket = await fill_bucket([block])
    await bucket.put(f"{block.name}/chunks/000002", await bucket.get(f"{block.name}/chunks/000001"))
    await bucket.delete(f"{block.name}/chunks/000001")
    assert await try_read(bucket, read_meta(block), context) == {}
    assert ["segment 1" in warning and block.name in warning for warning in context.warnings] == [True]


@pytest.mark.parametrize("claim", [-5, 1, 2**62])
async def test_a_meta_that_lies_about_its_largest_entries_changes_nothing(
    block: Path, expected: Content, strict: NewContext, claim: int
) -> None:
    meta = read_meta(block, {"replica": "a"})
    assert meta.thanos is not None
    meta = replace(meta, thanos=replace(meta.thanos, series_max_bytes=claim, chunk_max_bytes=claim))
    store = await open_block(await fill_bucket([block]), meta)
    selector = replace(EVERYTHING, without_replica_labels=(b"replica",))
    assert (await read_frames(store.select(selector, strict())))[1] == expected


async def test_a_local_header_of_an_index_of_another_size_is_built_again(
    blocks: list[Path], expected: Content, strict: NewContext, tmp_path: Path
) -> None:
    first, second = blocks
    await open_block(FilesystemBucket(second.parent), read_meta(second), directory=tmp_path)
    (tmp_path / second.name).rename(tmp_path / first.name)
    files = (BlockFile("index", (first / "index").stat().st_size),)
    meta = replace(read_meta(first), thanos=ThanosMeta(labels=Labels(), files=files))
    store = await open_block(FilesystemBucket(first.parent), meta, directory=tmp_path)
    assert (await read_frames(store.select(EVERYTHING, strict())))[1] == expected


def test_the_series_of_the_tests_reach_over_a_chunk() -> None:
    assert max(len(one.samples) for one in SERIES) > 3 * 120
    assert np.isnan(float("NaN"))
