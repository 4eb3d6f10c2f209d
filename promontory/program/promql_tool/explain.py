"""What `promontory promql explain` does: plans the query, looks at the bucket, runs the query, prints what it found."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.index_object import FRESH_MS
from promontory.errors import InputError, QueryError
from promontory.model.clock import Clock, SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.cores import count_cores
from promontory.model.query_options import QueryOptions
from promontory.model.time_range import TimeGrid
from promontory.program.given_bucket import open_given_bucket
from promontory.query.engine import QueryEngine
from promontory.query.explain_json import write_explanation_json
from promontory.query.explain_text import write_explanation
from promontory.query.explanation import Explanation
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import write_stdout
from promontory.service.values import Values
from promontory.store.bucket_store import BucketStore
from promontory.store.fanout import FanoutStore
from promontory.store.port import Store
from querier.api import read_engine_settings

DEFAULT_STEPS = 250
LEAST_STEP_MS = 1000


def run(values: Values) -> int:
    """Explain the query of the command line and return the exit code."""
    clock = SystemClock()
    grid = read_grid(values, clock)
    bucket = open_given_bucket(values)
    if bucket is None and values.flag("--analyze"):
        raise InputError("flag --analyze: expected with --bucket or --objstore.config, found without")
    try:
        explanation, warnings = asyncio.run(_explain(values, clock, grid, bucket))
    except QueryError as error:
        sys.stderr.write(f"promontory promql: error: {error}\n")
        return EXIT_FAILED
    for warning in warnings:
        sys.stderr.write(f"promontory promql: warning: {warning}\n")
    is_json = values.flag("--json")
    text = write_explanation_json(explanation).decode() + "\n" if is_json else write_explanation(explanation)
    return write_stdout(text)


def read_grid(values: Values, clock: Clock) -> TimeGrid:
    """Return the times of the command line: one, or those from `--start` on. Raises InputError."""
    now_ms = clock.now_ms()
    if not values.is_given("--start"):
        for name in ("--end", "--step"):
            if values.is_given(name):
                raise InputError(f"flag {name}: expected with --start, found without")
        time_ms = values.time_ms("--time", now_ms=now_ms)
        return TimeGrid(time_ms, time_ms, 0)
    if values.is_given("--time"):
        raise InputError("flags --time and --start: expected one of them, found both")
    start_ms, end_ms = values.time_ms("--start", now_ms=now_ms), values.time_ms("--end", now_ms=now_ms)
    if end_ms < start_ms:
        raise InputError("flag --end: expected a time that is not before --start, found one before it")
    step_ms = values.duration_ms("--step") or max((end_ms - start_ms) // DEFAULT_STEPS, LEAST_STEP_MS)
    return TimeGrid(start_ms, end_ms, step_ms)


async def _explain(
    values: Values, clock: Clock, grid: TimeGrid, bucket: Bucket | None
) -> tuple[Explanation, tuple[str, ...]]:
    text = values.text("EXPR")
    options = QueryOptions(max_resolution_ms=values.duration_ms("--max-source-resolution"))
    with ThreadPoolExecutor(count_cores(), thread_name_prefix="kernel") as pool:
        memory_bytes = values.size_bytes("--query.max-memory")
        context = QueryContext(clock=clock, pool=pool, budget=Budget(memory_bytes))
        try:
            engine = QueryEngine(await _open_store(bucket, context), read_engine_settings(values))
            explanation = await engine.outline(text, grid, options, context)
            if bucket is None:
                return replace(explanation, estimates=()), ()
            if values.flag("--analyze"):
                if grid.step_ms:  # the first query of a process loads its kernels, which is not what it costs
                    first = TimeGrid(grid.start_ms, grid.start_ms, grid.step_ms)
                    await engine.range(text, first, options, QueryContext(clock=clock, pool=pool))
                result, analyzed = await engine.analyze(text, grid, options, context)
                explanation = replace(explanation, analysis=analyzed.analysis)
                return explanation, (*result.annotations.warnings, *result.annotations.infos)
            return explanation, tuple(context.warnings)
        finally:
            if bucket is not None:
                await bucket.close()


async def _open_store(bucket: Bucket | None, context: QueryContext) -> Store:
    if bucket is None:
        return FanoutStore(lambda: ())
    store = BucketStore(bucket, Catalog(bucket, clock=context.clock, index_fresh_ms=FRESH_MS))
    report = await store.sync()
    if not report.loaded and not report.failed:
        context.warn("no block was found in the bucket")
    return store
