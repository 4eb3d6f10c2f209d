"""A reader that lives through whole passes: it syncs and asks without a pause while a compactor is at work.

It obeys the one rule for readers, that it looks at the bucket more often than blocks stay behind their mark, and every
answer is the one of the raw blocks before the first pass: no gap, nothing twice, no warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.api.encoder import encode_result
from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import store_filters
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.query_options import QueryOptions
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME, TimeGrid
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.store.bucket_store import BucketStore
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, MINUTE_MS
from tests.compaction.proof.oracle import FIVE_MINUTES_MS
from tests.compaction.proof.processes import BLOCKS_LEFT, END_MS, directory_config, log_of, make_busy, run_compactor
from tests.compaction.proof.sites import Site
from tests.parts import run_rclone_s3

SYNC_INTERVAL_S = 0.1
IGNORE_DELAY_MS = 1500
FLAGS = ("--wait", "--wait-interval=200ms", "--delete-delay=3s", "--compact.cleanup-interval=0s")
TIMEOUT_S = 60
LEAST_ROUNDS = 15

RAW = ("sum(rate(up_total[10m]))", 'count_over_time(up_total{cluster="x"}[20m])', "max_over_time(temp[30m])")
RAW_GRID = TimeGrid(EPOCH_MS, END_MS, 7 * MINUTE_MS)
# Of whole windows, each of which ends a millisecond before the step: 5m and raw samples answer the same.
COARSE = ('sum_over_time(up_total{cluster="y"}[4h])', 'max_over_time(up_total{cluster="y"}[4h])')
COARSE_GRID = TimeGrid(EPOCH_MS + 4 * HOUR_MS - 1, EPOCH_MS + 48 * HOUR_MS - 1, HOUR_MS)
INSTANT = ('{__name__=~".+"}', 'group by (__name__, cluster) ({job="proof"})', "sum_over_time(up_total[2h])")
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)


class Reader:
    """A store gateway and a querier over a bucket, with the time of the machine."""

    def __init__(self, bucket: Bucket, pool: ThreadPoolExecutor) -> None:
        self._clock = SystemClock()
        filters = store_filters(
            range_at=lambda _: ALL_TIME, consistency_delay_ms=0, ignore_deletion_marks_delay_ms=IGNORE_DELAY_MS
        )
        self.store = BucketStore(bucket, Catalog(bucket, clock=self._clock, filters=filters))
        self._engine = QueryEngine(self.store, EngineSettings(replica_labels=(b"replica",), penalty=False))
        self._pool = pool

    async def ask(self) -> dict[str, object]:
        """Return all answers. Raises where one is partial."""
        found: dict[str, object] = {}
        for text in RAW:
            found[text] = await self._range(text, RAW_GRID, resolution_ms=0)
        for text in COARSE:
            found[text] = await self._range(text, COARSE_GRID, resolution_ms=FIVE_MINUTES_MS)
        for text in INSTANT:
            result = await self._engine.instant(text, END_MS - 1, QueryOptions(), self._context())
            assert not result.partial
            found[text] = encode_result(result, is_range=False).whole()
        bare = replace(EVERYTHING, without_replica_labels=(b"replica",))
        found["names"] = [name for name in await self.store.label_names(bare, self._context()) if name != b"replica"]
        for name in (b"__name__", b"cluster"):
            found[f"values of {name!r}"] = await self.store.label_values(name, EVERYTHING, self._context())
        return found

    async def _range(self, text: str, grid: TimeGrid, *, resolution_ms: int) -> bytes:
        options = QueryOptions(max_resolution_ms=resolution_ms)
        result = await self._engine.range(text, grid, options, self._context())
        assert not result.partial
        return encode_result(result, is_range=True).whole()

    def _context(self) -> QueryContext:
        return QueryContext(clock=self._clock, pool=self._pool, partial_response=False)


@asynccontextmanager
async def syncing(reader: Reader) -> AsyncIterator[None]:
    """Let a reader look at its bucket again and again. Raises what a sync raises."""

    async def sync() -> None:
        while True:
            await reader.store.sync()
            await asyncio.sleep(SYNC_INTERVAL_S)

    task = asyncio.create_task(sync())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def is_settled(site: Site) -> bool:
    """Say whether all is merged and downsampled, and what was superfluous is deleted."""
    metas = list(site.bucket.glob("*/meta.json"))
    return len(metas) == BLOCKS_LEFT and not list(site.bucket.glob("*/deletion-mark.json"))


@pytest.mark.e2e
@pytest.mark.parts
@pytest.mark.parametrize("is_s3", [False, True], ids=["directory", "S3"])
async def test_every_answer_during_the_passes_of_a_compactor_is_that_before(is_s3: bool, tmp_path: Path) -> None:
    site = make_busy(tmp_path / "site").site
    async with AsyncExitStack() as stack:
        config = directory_config(site.bucket)
        if is_s3:
            config = stack.enter_context(run_rclone_s3(site.root)).config("bucket")
        pool = stack.enter_context(ThreadPoolExecutor(2))
        bucket = open_bucket(config, clock=SystemClock())
        reader = Reader(bucket, pool)
        await reader.store.sync()
        wanted = await reader.ask()
        stack.push_async_callback(bucket.close)
        compactor = stack.enter_context(run_compactor(config, site.work, FLAGS))
        async with syncing(reader), asyncio.timeout(TIMEOUT_S):
            for rounds in itertools.count(1):
                found = await reader.ask()
                assert found == wanted, f"round {rounds}: {[text for text in wanted if found[text] != wanted[text]]}"
                if is_settled(site) and rounds >= LEAST_ROUNDS:
                    break
            await asyncio.sleep(2 * SYNC_INTERVAL_S)
            assert await reader.ask() == wanted
        compactor.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(compactor.wait, 20) == 0
        log = log_of(site.work).read_text()
        assert "Traceback" not in log
        assert 'msg="pass failed' not in log
    assert all(len(answer) > 200 for text, answer in wanted.items() if text in (*RAW, *COARSE))  # type: ignore[arg-type]
