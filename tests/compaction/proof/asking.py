"""PromQL over the directory of a bucket, through the catalog and store of a store gateway, as bytes of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from promontory.api.encoder import encode_result
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import store_filters
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.time_range import ALL_TIME, TimeGrid
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.store.bucket_store import BucketStore
from promontory.testing.still_clock import StillClock
from tests.compaction.proof.history import DAY_MS

RAW_QUERIES = (
    "sum by (job) (rate(up_total[10m]))",
    "max_over_time(temp[30m])",
    "count_over_time(temp[1h])",
    "histogram_quantile(0.9, rate(latency[20m]))",
    "sum(increase(sizes[30m]))",
    "sparse_total",
)
COARSE_QUERIES = (
    "sum by (job) (rate(up_total[4h]))",
    "max_over_time(temp[4h])",
    "min_over_time(temp[4h])",
    "sum_over_time(temp[4h])",
)


async def ask(
    bucket: Bucket, queries: Iterable[str], grid: TimeGrid, *, now_ms: int, resolution_ms: int = 0,
    replica_labels: tuple[bytes, ...] = (b"replica",), index_fresh_ms: int = 0,
) -> dict[str, bytes]:  # fmt: skip
    """Return the answers; of replicas every time counts once. What is missing raises instead of being warned of.

    A bucket index of up to `index_fresh_ms` is used, and has to be there.
    """
    clock = StillClock(now_ms)
    filters = store_filters(range_at=lambda _: ALL_TIME, consistency_delay_ms=0, ignore_deletion_marks_delay_ms=DAY_MS)
    catalog = Catalog(bucket, clock=clock, filters=filters, index_fresh_ms=index_fresh_ms)
    store = BucketStore(bucket, catalog)
    await store.sync()
    assert (catalog.view.index_ms is not None) == bool(index_fresh_ms), catalog.view.index_problem
    settings = EngineSettings(replica_labels=replica_labels, penalty=False)
    options = QueryOptions(max_resolution_ms=resolution_ms)
    answers: dict[str, bytes] = {}
    with ThreadPoolExecutor(2) as pool:
        for text in queries:
            context = QueryContext(clock=clock, pool=pool, partial_response=False)
            result = await QueryEngine(store, settings).range(text, grid, options, context)
            assert not result.partial
            answers[text] = encode_result(result, is_range=True).whole()
    return answers
