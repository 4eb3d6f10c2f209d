"""The engine over a Store: everything from text to result, in one process."""

from __future__ import annotations

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from promontory.errors import LimitError, QueryError, StoreUnavailable
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.labels import Labels
from promontory.model.query_options import QueryOptions
from promontory.model.result import SamplesResult, ScalarResult, StringResult, VectorResult
from promontory.model.time_range import TimeGrid
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.testing.memory_store import Fault, MemorySeries, MemoryStore, make_series

MINUTE_MS = 60_000


def counter(**labels: str) -> MemorySeries:
    steps = range(1, 41)
    return make_series(
        {"__name__": "requests_total", **labels}, [at * 15_000 for at in steps], [at * 30.0 for at in steps]
    )


def replicas() -> MemoryStore:
    return MemoryStore([counter(job="a", replica="0"), counter(job="a", replica="1"), counter(job="b", replica="0")])


def engine_over(store: MemoryStore, **settings: int) -> QueryEngine:
    return QueryEngine(store, EngineSettings(replica_labels=(b"replica",), **settings))


async def test_a_range_query_merges_replicas_before_it_computes(context: QueryContext) -> None:
    grid = TimeGrid(5 * MINUTE_MS, 10 * MINUTE_MS, MINUTE_MS)
    result = await engine_over(replicas()).range("sum(rate(requests_total[2m]))", grid, QueryOptions(), context)
    assert isinstance(result.value, VectorResult)
    assert result.value.steps.values == pytest.approx(np.full((1, 6), 4.0))


async def test_without_deduplication_each_replica_counts(context: QueryContext) -> None:
    grid = TimeGrid(5 * MINUTE_MS, 5 * MINUTE_MS, 0)
    options = QueryOptions(deduplicate=False)
    result = await engine_over(replicas()).range("count(requests_total)", grid, options, context)
    assert isinstance(result.value, VectorResult)
    assert result.value.steps.values.tolist() == [[3.0]]


async def test_a_range_vector_as_instant_query_gives_raw_samples_by_labels(context: QueryContext) -> None:
    result = await engine_over(replicas()).instant("requests_total[30s]", MINUTE_MS, QueryOptions(), context)
    assert isinstance(result.value, SamplesResult)
    samples = result.value.samples
    assert samples.timestamps_ms.tolist() == [45_000, 60_000, 45_000, 60_000]
    assert samples.labels.labels(1) == Labels.from_mapping({"__name__": "requests_total", "job": "b"})


async def test_scalars_and_strings_need_no_store(context: QueryContext) -> None:
    engine = engine_over(MemoryStore([]))
    number = await engine.instant("2 ^ 3", 0, QueryOptions(), context)
    text = await engine.instant("'x'", 0, QueryOptions(), context)
    assert isinstance(number.value, ScalarResult)
    assert number.value.steps.values.tolist() == [[8.0]]
    assert isinstance(text.value, StringResult)
    assert text.value.text == "x"


async def test_a_range_query_of_a_range_vector_is_refused(context: QueryContext) -> None:
    expected = 'invalid expression type "range vector" for range query, must be Scalar or instant Vector'
    with pytest.raises(QueryError, match=re.escape(expected)):
        await engine_over(replicas()).range("x[5m]", TimeGrid(0, 0, 1), QueryOptions(), context)


async def test_too_many_samples_end_the_query(context: QueryContext) -> None:
    engine = engine_over(replicas(), max_samples=3)
    with pytest.raises(LimitError, match="would load too many samples into memory in query execution"):
        await engine.range("requests_total", TimeGrid(0, 600_000, 60_000), QueryOptions(), context)


async def test_groups_count_towards_the_memory_of_a_query(pool: ThreadPoolExecutor) -> None:
    grid = TimeGrid(60_000, 70_999, 1)
    for limit_bytes, is_enough in ((300_000, False), (5_000_000, True)):
        context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(limit_bytes))
        refusal = contextlib.nullcontext() if is_enough else pytest.raises(LimitError, match=r"--query\.max-memory")
        with refusal:
            await engine_over(replicas()).range("sum by (job) (requests_total)", grid, QueryOptions(), context)
    assert context.budget.held_bytes == 2 * 11_000 * 9  # the answer alone


async def test_a_failing_part_becomes_a_warning_and_the_rest_is_answered(context: QueryContext) -> None:
    store = MemoryStore([counter(job="a")], warnings=["peer x is down"])
    result = await engine_over(store).instant("count(requests_total)", MINUTE_MS, QueryOptions(), context)
    assert result.annotations.warnings == ("peer x is down",)
    assert result.partial


async def test_a_store_that_fails_fails_the_query(context: QueryContext) -> None:
    fault = Fault(error=StoreUnavailable("gone", endpoint="x"))
    with pytest.raises(StoreUnavailable):
        await engine_over(MemoryStore([counter()], fault=fault)).instant(
            "requests_total + requests_total offset 1m", MINUTE_MS, QueryOptions(), context
        )


async def test_a_query_that_fails_holds_nothing() -> None:
    grid = TimeGrid(60_000, 600_000, 60_000)
    for query in ("sum by (job) (requests_total)", "topk(1, requests_total) + requests_total * {job=~'a|b'}"):
        for max_samples in range(1, 30):
            engine = engine_over(replicas(), max_samples=max_samples)
            with ThreadPoolExecutor(2) as pool:  # whose end is that of the work that was under way
                context = QueryContext(clock=SystemClock(), pool=pool)
                try:
                    await engine.range(query, grid, QueryOptions(), context)
                except LimitError:
                    failed = True
                else:
                    failed = False
            if not failed:
                break
            assert context.budget.held_bytes == 0
        assert max_samples > 10


async def test_a_canceled_query_stops(context: QueryContext) -> None:
    context.cancel()
    with pytest.raises(LimitError, match="query was canceled"):
        await engine_over(replicas()).instant("requests_total", MINUTE_MS, QueryOptions(), context)
