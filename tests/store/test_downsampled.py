"""Downsampled blocks that Thanos wrote are read as Thanos reads them, and replicas of them are merged."""

from __future__ import annotations

import gzip
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promontory.block.meta import BlockMeta, parse_meta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.kernels.downsampled import join_counters, match_counts
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Aggregate
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.block_store import open_block
from promontory.store.bucket_store import BucketStore
from promontory.store.port import Store
from promontory.store.resolution import choose_aggregates, choose_lookback_ms, choose_resolution
from promontory.store.samples import read_samples
from promontory.testing.histogram_values import histogram_at
from promontory.testing.memory_store import MemorySeries, MemoryStore, make_series

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
HOUR_MS = 3_600_000
MATCHERS = (Matcher(MatchKind.REGEX, b"n", b".+"),)
FUNCTIONS = {
    "count": "count_over_time", "sum": "sum_over_time", "min": "min", "max": "max_over_time", "mean": "",
    "counter": "rate",
}  # fmt: skip
Row = list[tuple[int, Any]]


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downsampled")
    with tarfile.open(GOLDEN / "downsampled.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def expected() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(
        gzip.decompress((GOLDEN / "downsampled.json.gz").read_bytes())
    )
    return found


async def read(
    store: Store, function: str, time_range: TimeRange = ALL_TIME, resolution_ms: int = HOUR_MS, **options: Any
) -> dict[str, Row]:
    found = {}
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        selector = Selector(MATCHERS, time_range, max_resolution_ms=resolution_ms, function=function)
        settings = {"replica_labels": (), "deduplicate": False, **options}
        async for samples in read_samples(store, selector, context, **settings):
            for row in range(len(samples)):
                labels = samples.labels.labels(row).without((b"prometheus",))
                found[str(labels)] = row_of(samples, row)
        assert context.budget.held_bytes == 0
    return found


def row_of(samples: Samples, row: int) -> Row:
    found: Row = []
    for place in range(int(samples.row_start[row]), int(samples.row_start[row + 1])):
        index = -1 if samples.histograms is None else int(samples.histograms.index[place])
        value: Any = f"{int(samples.values.view(np.uint64)[place]):x}"
        if index >= 0:
            assert samples.histograms is not None
            value = histogram_at(samples.histograms.table, index)
        found.append((int(samples.timestamps_ms[place]), value))
    return found


def digits(number: float) -> str:
    return f"{int(np.float64(number).view(np.uint64)):x}"


@pytest.mark.parametrize("kind", FUNCTIONS)
async def test_every_aggregate_is_read_as_thanos_reads_it(blocks: Path, kind: str) -> None:
    compared = 0
    for key, series in expected().items():
        ulid = key.split()[1]
        meta = parse_meta((blocks / ulid / "meta.json").read_bytes(), source=ulid)
        found = await read(await open_block(FilesystemBucket(blocks), meta), FUNCTIONS[kind])
        for name, kinds in series.items():
            if kind not in kinds:  # histograms have no least and no greatest
                assert name.replace(", ", ",") not in {text.replace(", ", ",") for text in found}
                continue
            row = next(row for text, row in found.items() if text.replace(", ", ",") == name.replace(", ", ","))
            assert [time for time, _ in row] == [sample["t"] for sample in kinds[kind]]
            for (_, value), sample in zip(row, kinds[kind], strict=True):
                compared += 1
                if "v" in sample:
                    assert value == sample["v"]
                    continue
                schema, zeros, count, total, *buckets = sample["h"]
                assert [str(value.schema), *map(digits, (value.zero_count, value.count, value.sum))] == [
                    schema, zeros, count, total
                ]  # fmt: skip
                counts = [*(value.negative[i] for i in sorted(value.negative, reverse=True)), *value.positive.values()]
                if kind == "mean":
                    # Thanos divides the buckets of its iterator in place, so that each is divided again for every
                    # later sample of the chunk; ours add up to the count.
                    assert sum(counts) + value.zero_count == pytest.approx(value.count)
                else:
                    assert list(map(digits, counts)) == buckets[1::2]
    assert compared > 900


class OneBlock:
    def __init__(self, meta: BlockMeta) -> None:
        self.meta = meta

    async def list_blocks(self) -> tuple[dict[str, BlockMeta], dict[str, str]]:
        return {self.meta.ulid: self.meta}, {}


@pytest.mark.parametrize("kind", FUNCTIONS)
async def test_windows_of_a_minute_are_read_as_those_of_five(blocks: Path, kind: str) -> None:
    ulid = next(iter(expected())).split()[1]
    meta = parse_meta((blocks / ulid / "meta.json").read_bytes(), source=ulid)
    assert meta.thanos is not None
    whole = await read(await open_block(FilesystemBucket(blocks), meta), FUNCTIONS[kind])
    assert whole
    store = BucketStore(
        FilesystemBucket(blocks), OneBlock(replace(meta, thanos=replace(meta.thanos, resolution_ms=60_000)))
    )
    await store.sync()
    for _ in range(2):  # known series are read another way
        assert await read(store, FUNCTIONS[kind], resolution_ms=60_000) == whole
    assert await read(store, FUNCTIONS[kind], resolution_ms=59_999) == {}


def aggregated(replica: str, batches: list[list[tuple[int, float]]]) -> MemorySeries:
    """Counter aggregates, one chunk a batch."""
    series = [
        make_series({"n": "0", "replica": replica}, [time for time, _ in batch], [value for _, value in batch])
        for batch in batches
    ]
    chunks = [chunk for one in series for chunk in one.chunks]
    return MemorySeries(
        series[0].labels,
        tuple(type(chunk)(chunk.min_ms, chunk.max_ms, chunk.data, aggregate=Aggregate.COUNTER) for chunk in chunks),
    )


BATCHES = [
    [(0, 5.0), (299, 9.0), (599, 30.0), (599, 12.0)],  # fell within the batch: the last raw value is 12
    [(601, 13.0), (899, 20.0), (899, 20.0)],
    [(901, 2.0), (1199, 4.0), (1199, 4.0)],  # fell between two batches
]
JOINED = [(0, 5.0), (299, 9.0), (599, 30.0), (601, 31.0), (899, 38.0), (901, 40.0), (1199, 42.0)]


@pytest.mark.parametrize("deduplicate", [True, False])
async def test_counters_go_on_over_batches_and_replicas(deduplicate: bool) -> None:
    store = MemoryStore([aggregated("a", BATCHES), aggregated("b", BATCHES)])
    found = await read(store, "increase", replica_labels=(b"replica",), deduplicate=deduplicate)
    assert len(found) == (1 if deduplicate else 2)
    for row in found.values():
        assert [(time, value) for time, value in row] == [(time, digits(value)) for time, value in JOINED]


async def test_a_counter_is_what_it_has_come_to_where_the_range_begins_within_a_batch() -> None:
    store = MemoryStore([aggregated("a", BATCHES)])
    (row,) = (await read(store, "rate", TimeRange(300, 900))).values()
    assert row == [(599, digits(30.0)), (601, digits(31.0)), (899, digits(38.0))]


async def test_sums_without_their_counts_are_named(blocks: Path) -> None:
    series = make_series({"n": "0"}, [0, 1], [1.0, 2.0])
    alone = MemorySeries(
        series.labels,
        tuple(type(chunk)(chunk.min_ms, chunk.max_ms, chunk.data, aggregate=Aggregate.SUM) for chunk in series.chunks),
    )
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        selector = Selector(MATCHERS, ALL_TIME, max_resolution_ms=HOUR_MS)
        batches = read_samples(MemoryStore([alone]), selector, context, replica_labels=(), deduplicate=False)
        assert [batch async for batch in batches] == []
    assert [text.startswith("chunks of unknown encodings, or of aggregates") for text in context.warnings] == [True]


def test_each_function_reads_its_aggregate() -> None:
    mean = (Aggregate.COUNT, Aggregate.SUM)
    for function, aggregates in {
        "min": (Aggregate.MIN,), "min_over_time": (Aggregate.MIN,), "max_over_time": (Aggregate.MAX,),
        "count": (Aggregate.COUNT,), "count_values": (Aggregate.COUNT,), "sum_over_time": (Aggregate.SUM,),
        "sum": mean, "avg": mean, "avg_over_time": mean, "": mean, "delta": mean, "rate": (Aggregate.COUNTER,),
        "resets": (Aggregate.COUNTER,), "increase": (Aggregate.COUNTER,), "irate": (Aggregate.COUNTER,),
    }.items():  # fmt: skip
        assert choose_aggregates(function) == aggregates, function


def test_a_range_reads_nothing_coarser_than_half_of_it_and_raw_alone_below_a_second() -> None:
    def choose(function: str, range_ms: int, resolution_ms: int = HOUR_MS) -> tuple[int, tuple[Aggregate, ...]]:
        selector = Selector(MATCHERS, ALL_TIME, resolution_ms, function=function, range_ms=range_ms)
        chosen = choose_resolution(selector)
        return chosen.max_resolution_ms, chosen.aggregates

    assert choose("rate", 600_000) == (300_000, (Aggregate.COUNTER,))
    assert choose("rate", 120_000) == (60_000, (Aggregate.COUNTER,))
    assert choose("rate", 1999) == (0, (Aggregate.RAW,))
    assert choose("max_over_time", 599_000) == (HOUR_MS, (Aggregate.MAX,))
    assert choose("", 0, 60_000) == (60_000, (Aggregate.COUNT, Aggregate.SUM))
    assert choose("", 0, 999) == choose("", 0, 0) == (0, (Aggregate.RAW,))


def test_a_lookback_reaches_as_far_as_the_allowed_resolution_needs() -> None:
    def lookback_s(lookback_s: int, resolution_s: int) -> int:
        return choose_lookback_ms(lookback_s * 1000, max_resolution_ms=resolution_s * 1000) // 1000

    assert lookback_s(300, 0) == lookback_s(300, 300) == 300
    assert lookback_s(300, 301) == lookback_s(300, 3600) == 3600
    assert lookback_s(60, 120) == 300
    assert lookback_s(7200, 3600) == 7200


def test_the_kernels_equal_their_plain_definitions() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        times = np.sort(rng.integers(0, 30, 40))
        values = np.where(rng.random(40) < 0.1, np.nan, rng.integers(0, 9, 40).astype(float))
        lanes, counters = np.array([0, 11, 11, 40]), np.array([True, True, False])
        plain = rng.random(40) < 0.1
        outcomes = []
        for call in (join_counters, join_counters.py_func):
            changed, kept = values.copy(), np.zeros(40, np.bool_)
            call(lanes, times, changed, plain, counters, kept)
            outcomes.append((changed.tobytes(), kept.tobytes()))
        assert outcomes[0] == outcomes[1]
        other = np.sort(rng.integers(0, 30, 25))
        matched = []
        for match in (match_counts, match_counts.py_func):
            out, kept = np.zeros(40), np.zeros(40, np.bool_)
            match(np.array([0, 20, 40]), times, np.array([0, 9, 25]), other, np.arange(25.0), out, kept)
            matched.append((out.tobytes(), kept.tobytes()))
        assert matched[0] == matched[1]
