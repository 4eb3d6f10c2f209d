"""What is told of a query before it is run, and what it did: as text, and counted against what a Store gave."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promontory.bucket.memory import MemoryBucket
from promontory.catalog.catalog import Catalog
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.query_options import QueryOptions
from promontory.model.result import VectorResult
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.query.explain_json import write_analysis_json, write_explanation_json
from promontory.query.explain_text import write_explanation
from promontory.store.bucket_store import BucketStore
from promontory.store.fanout import FanoutStore
from promontory.testing.memory_store import MemoryStore, make_series
from tests.program.block_tool.small_block import COUNT, SERIES, START_MS, STEP_MS, ULID, write_small_block

MINUTE_MS = 60_000
GRID = TimeGrid(5 * MINUTE_MS, 10 * MINUTE_MS, MINUTE_MS)
OPTIONS = QueryOptions()


def memory() -> MemoryStore:
    times = [15_000 * (at + 1) for at in range(40)]
    labels = [{"__name__": "x", "a": a, "b": b} for a in "12" for b in "34"]
    return MemoryStore([make_series(one, times, [float(at) for at in range(40)]) for one in labels])


def engine_over(store: object) -> QueryEngine:
    return QueryEngine(store, EngineSettings(replica_labels=(b"replica",)))  # type: ignore[arg-type]


async def test_a_plan_is_shown_with_what_is_read_and_what_the_optimizers_did(context: QueryContext) -> None:
    query = 'sum by (a) (rate(x{b="3"}[2m])) / sum by (a) (rate(x[2m]))'
    explanation = replace(await engine_over(memory()).outline(query, GRID, OPTIONS, context), estimates=())
    assert write_explanation(explanation) == (Path(__file__).parent / "explained.txt").read_text()


async def test_a_store_that_cannot_estimate_is_named(context: QueryContext) -> None:
    explanation = await engine_over(FanoutStore(lambda: [memory()])).outline("x", GRID, OPTIONS, context)
    assert "not told  memory: tells what it holds only when it is read" in write_explanation(explanation)


async def test_the_json_is_the_tree_of_thanos_with_members_beside(context: QueryContext) -> None:
    tree = json.loads(await engine_over(memory()).explain("-sum(x)", GRID, OPTIONS, context))
    assert tree["name"] == "map -"
    assert tree["children"][0]["name"] == "aggregate sum by ()"
    assert tree["children"][0]["children"][0]["children"] == [
        {"name": 'read {__name__="x"}[5m]', "select": 0}
    ]  # fmt: skip
    assert [one["name"] for one in tree["optimizers"]][:2] == ["fold constants", "propagate matchers"]
    assert tree["selects"][0]["matchers"] == ['__name__="x"']
    assert tree["selects"][0]["withoutReplicaLabels"] == ["replica"]


async def test_a_plan_of_any_depth_is_written(context: QueryContext) -> None:
    text = await engine_over(memory()).explain("x" + " + 1" * 2000, GRID, OPTIONS, context)
    assert text.count(b'"children":[') > 2000
    for opening, closing in ((b"{", b"}"), (b"[", b"]")):
        assert text.count(opening) == text.count(closing)


@pytest.mark.parametrize(
    "query",
    [
        "sum by (a) (rate(x[2m]))",
        'rate(x{a="1"}[2m]) / on (a, b) rate(x[2m])',
        "x * on (a) group_left () sum by (a) (x)",
        "max_over_time(rate(x[1m])[4m:1m])",
        "topk(1, x) + x",
        "sum(x @ 300)",
    ],
)
async def test_an_analysis_counts_what_the_store_gave_and_changes_no_answer(
    query: str, pool: ThreadPoolExecutor
) -> None:  # fmt: skip
    def context() -> QueryContext:
        return QueryContext(clock=SystemClock(), pool=pool)

    store = memory()
    result, explanation = await engine_over(store).analyze(query, GRID, OPTIONS, context())
    plain = await engine_over(store).range(query, GRID, OPTIONS, context())
    assert isinstance(result.value, VectorResult)
    assert isinstance(plain.value, VectorResult)
    assert np.array_equal(result.value.steps.values, plain.value.steps.values)
    assert plain.analysis == b""
    analysis = explanation.analysis
    assert analysis is not None
    assert len(analysis.selects) == len(explanation.selectors)
    for figures, selector in zip(analysis.selects, explanation.selectors, strict=True):
        low, high = selector.time_range.min_time_ms, selector.time_range.max_time_ms
        within = sum(low <= 15_000 * (at + 1) <= high for at in range(40))
        assert (figures.series, figures.samples) == (4, 4 * within)
        assert figures.chunks == 4
        assert figures.cpu_ns > 0
    assert analysis.samples_read == sum(figures.samples for figures in analysis.selects)
    assert plain.stats is not None
    assert analysis.samples_read == plain.stats.samples_read
    assert analysis.places[0].samples == np.count_nonzero(result.value.steps.present)


async def test_an_analysis_has_the_names_of_thanos(context: QueryContext) -> None:
    options = replace(OPTIONS, analyze=True)
    result = await engine_over(memory()).range("sum by (a) (x)", GRID, options, context)
    tree = json.loads(result.analysis)
    assert tree["name"] == "aggregate sum by (a)"
    assert (tree["totalSamples"], tree["peakSamples"], tree["rows"]) == (12, 12, 2)
    assert tree["executionTime"].endswith("s")
    assert tree["children"][0]["children"][0]["read"]["samples"] == 4 * 40
    assert tree["total"]["samplesRead"] == 4 * 40


class CountingBucket(MemoryBucket):
    """A bucket that counts the byte ranges it was asked for."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.ranges: list[int] = []

    async def get_ranges(self, key: str, ranges: object) -> list[bytes]:
        bodies = await super().get_ranges(key, ranges)  # type: ignore[arg-type]
        self.ranges += [len(body) for body in bodies]
        return bodies


async def block_store(folder: Path) -> tuple[CountingBucket, BucketStore]:
    bucket = CountingBucket()
    block = write_small_block(folder)
    for path in sorted(block.rglob("*")):
        if path.is_file():
            await bucket.put(f"{block.name}/{path.relative_to(block)}", path.read_bytes())
    store = BucketStore(bucket, Catalog(bucket, clock=SystemClock()))
    await store.sync()
    bucket.ranges.clear()
    return bucket, store


async def test_an_analysis_counts_the_bytes_and_requests_of_the_bucket(tmp_path: Path, context: QueryContext) -> None:
    bucket, store = await block_store(tmp_path)
    grid = TimeGrid(START_MS + 60_000, START_MS + 120_000, 15_000)
    _, explanation = await engine_over(store).analyze("sum(rate(up[1m]))", grid, OPTIONS, context)
    assert explanation.analysis is not None
    (figures,) = explanation.analysis.selects
    assert figures.requests == len(bucket.ranges) > 0
    assert figures.read_bytes == sum(bucket.ranges)


async def test_an_estimate_comes_of_postings_and_counts_without_a_chunk(tmp_path: Path, context: QueryContext) -> None:
    bucket, store = await block_store(tmp_path)
    everything = TimeRange(START_MS, START_MS + 10_000_000)
    found = await store.estimate(Selector((Matcher(MatchKind.EQUAL, b"job", b"job0"),), everything), context)
    (block,) = found.blocks
    assert (block.ulid, block.series, block.chunks, block.samples) == (ULID, SERIES // 2, 9, SERIES // 2 * COUNT)
    assert not bucket.ranges  # an index as small as this one is in memory
    assert found.requests >= 1


async def test_an_estimate_says_which_blocks_are_passed_by_and_why(tmp_path: Path, context: QueryContext) -> None:
    _, store = await block_store(tmp_path)
    before = Selector((Matcher(MatchKind.EQUAL, b"__name__", b"up"),), TimeRange(0, START_MS - 1))
    found = await store.estimate(before, context)
    assert (found.blocks, found.series) == ((), 0)
    (passed,) = found.passed
    assert passed.name == f"block {ULID}"
    assert passed.reason.startswith("outside the time range: it holds 2023-11-14T22:13:20.000Z to ")


async def test_estimates_stand_beside_what_was_read(tmp_path: Path, context: QueryContext) -> None:
    _, store = await block_store(tmp_path)
    grid = TimeGrid(START_MS + 60_000, START_MS + COUNT * STEP_MS, 15_000)
    outlined = await engine_over(store).outline("count_over_time(up[1m])", grid, OPTIONS, context)
    _, analyzed = await engine_over(store).analyze("count_over_time(up[1m])", grid, OPTIONS, context)
    explanation = replace(outlined, analysis=analyzed.analysis)
    assert f"estimate  {SERIES} series," in write_explanation(explanation)
    assert f"read      {SERIES - 1} series," in write_explanation(explanation)
    tree = json.loads(write_explanation_json(explanation))
    assert tree["selects"][0]["estimate"]["blocks"][0]["ulid"] == ULID
    assert tree["analysis"] == json.loads(write_analysis_json(explanation))
