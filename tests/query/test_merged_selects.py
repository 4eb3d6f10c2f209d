"""What the engine tells the plan of how a Store is read, seen by how often the Store is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.time_range import TimeGrid
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.testing.memory_store import MemoryStore, make_series

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("query", "options", "asked"),
    [
        ("rate(x[2m]) / rate(x[4m])", QueryOptions(deduplicate=False), 1),
        ("rate(x[2m]) / rate(x[4m])", QueryOptions(), 2),
        ("rate(x[2m]) / rate(x[4m])", QueryOptions(replica_labels=()), 1),
        ('rate(x{a="1"}[2m]) / rate(x[2m])', QueryOptions(), 1),
        ('rate(x{replica="1"}[2m]) / rate(x[2m])', QueryOptions(), 2),
        ("min_over_time(x[2m]) / max_over_time(x[2m])", QueryOptions(), 1),
        ("min_over_time(x[2m]) / max_over_time(x[2m])", QueryOptions(max_resolution_ms=3_600_000), 2),
    ],
)
async def test_a_store_is_asked_once_for_all_that_can_be_one(query: str, options: QueryOptions, asked: int) -> None:
    store = MemoryStore([make_series({"__name__": "x", "a": "1"}, [MINUTE_MS, 2 * MINUTE_MS], [1.0, 2.0])])
    engine = QueryEngine(store, EngineSettings(replica_labels=(b"replica",)))
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        await engine.range(query, TimeGrid(MINUTE_MS, 5 * MINUTE_MS, MINUTE_MS), options, context)
    assert len(store.asked) == asked
