"""Small queries are answered where they are asked, and as the long way answers them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.query_options import QueryOptions
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, VectorResult
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.store.bucket_store import BucketStore
from promontory.store.fanout import FanoutStore
from promontory.store.port import Store
from tests.blocks import OpenMetricsSeries, make_blocks, read_frames, read_meta
from tests.program.block_tool.small_block import tombstones
from tests.store.test_bucket_store import FixedListing

pytestmark = pytest.mark.parts

P = ParamSpec("P")
R = TypeVar("R")

START_S = 1_700_006_400
HOUR_S = 3_600
NOW_MS = (START_S + 5 * HOUR_S) * 1000 + 500
QUERIES = [
    "temperature",
    'temperature{host="h3"}',
    'temperature{host=~"h[1-4]", zone!="z0"}',
    "temperature offset 1h",
    "temperature[10m]",
    "sum by (zone) (rate(temperature[5m]))",
    "max_over_time(temperature[3h])",
    "quantile(0.5, temperature) > 3",
    "temperature{host='h1'} / on () group_right () temperature{host='h2'}",
    "topk(2, temperature)",
    "absent(nothing)",
    "label_replace(temperature, 'a', '$1', 'host', 'h(.*)')",
    "time() - timestamp(temperature)",
]  # fmt: skip
NOT_SMALL = ["temperature @ start()", "max_over_time(temperature[1h:1m])", "rate(temperature[step() + 5m])"]


class CountingPool(ThreadPoolExecutor):
    """A pool that counts what it is given."""

    submitted = 0

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


@dataclass
class Site:
    root: Path
    store: BucketStore
    pool: CountingPool

    def engine(self, store: Store | None = None) -> QueryEngine:
        return QueryEngine(store or self.store, EngineSettings(replica_labels=(b"replica",)))

    async def ask(
        self, engine: QueryEngine, text: str, *, time_ms: int = NOW_MS, budget: Budget | None = None
    ) -> tuple[QueryResult, int]:
        """Return the answer, and how often the pool was asked to work for it."""
        context = QueryContext(clock=SystemClock(), pool=self.pool, budget=budget)
        before = self.pool.submitted
        result = await engine.instant(text, time_ms, QueryOptions(), context)
        return result, self.pool.submitted - before


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    series = [
        OpenMetricsSeries(
            "temperature",
            {"host": f"h{number}", "zone": f"z{number % 3}"},
            [(START_S + 60 * at, str(number * at % 97)) for at in range(360) if (at + number) % 7],
        )
        for number in range(12)
    ]
    return make_blocks(tmp_path_factory.mktemp("blocks"), series)


@pytest.fixture
def pool() -> Iterator[CountingPool]:
    with CountingPool(2) as executor:
        yield executor


@pytest.fixture
async def site(blocks: list[Path], tmp_path: Path, pool: CountingPool) -> Site:
    for block in blocks:
        shutil.copytree(block, tmp_path / block.name)
    metas = [read_meta(block, {"replica": "ab"[number % 2]}) for number, block in enumerate(blocks)]
    store = BucketStore(FilesystemBucket(tmp_path), FixedListing({meta.ulid: meta for meta in metas}))
    await store.sync()
    return Site(tmp_path, store, pool)


def columns(result: QueryResult) -> list[object]:
    """Return all that an answer says, in Python values, floats by their bits."""
    value = result.value
    notes: list[object] = [result.annotations, result.partial]
    if isinstance(value, SamplesResult):
        samples = value.samples
        labels = [samples.labels.labels(row) for row in range(len(samples))]
        numbers = samples.values.view(np.uint64).tolist()
        return [*notes, labels, samples.row_start.tolist(), samples.timestamps_ms.tolist(), numbers]
    assert isinstance(value, VectorResult | ScalarResult)
    steps = value.steps
    labels = [steps.labels.labels(row) for row in range(len(steps))]
    order = None if steps.order is None else steps.order.tolist()
    numbers = np.where(steps.present, steps.values, 0.0).view(np.uint64).tolist()
    return [*notes, labels, order, steps.present.tolist(), numbers, steps.drop_name.tolist()]


@pytest.mark.parametrize("text", QUERIES)
async def test_a_small_query_is_answered_without_a_hop_and_as_on_the_long_way(site: Site, text: str) -> None:
    engine = site.engine()
    long, hops = await site.ask(engine, text)
    assert hops > 0
    short, hops = await site.ask(engine, text)
    assert hops == 0
    assert columns(short) == columns(long)
    assert short.stats is not None
    assert long.stats is not None
    assert short.stats.samples_read == long.stats.samples_read
    for time_ms in range(NOW_MS - 4 * HOUR_S * 1000, NOW_MS + HOUR_S * 1000, 37 * 60_000):
        anew, hops = await site.ask(site.engine(), text, time_ms=time_ms)
        assert hops > 0
        again, _ = await site.ask(engine, text, time_ms=time_ms)
        assert columns(again) == columns(anew)


async def test_a_small_range_query_takes_no_hop(site: Site) -> None:
    engine, hops = site.engine(), []
    for shift_ms in (0, 0, 60_000):
        context = QueryContext(clock=SystemClock(), pool=site.pool)
        before = site.pool.submitted
        grid = TimeGrid(NOW_MS - HOUR_S * 1000 + shift_ms, NOW_MS + shift_ms, 60_000)
        result = await engine.range("avg by (zone) (temperature)", grid, QueryOptions(), context)
        assert isinstance(result.value, VectorResult)
        assert result.value.steps.values.shape == (3, 61)
        hops.append(site.pool.submitted - before)
    assert hops[0] > 0
    assert hops[1:] == [0, 0]


@pytest.mark.parametrize("text", NOT_SMALL)
async def test_a_plan_that_another_time_would_change_goes_the_long_way(site: Site, text: str) -> None:
    engine = site.engine()
    for _ in range(2):
        _, hops = await site.ask(engine, text)
        assert hops > 0


async def test_what_is_large_never_holds_the_loop(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = site.engine()
    for name in ("MOST_SAMPLES", "MOST_CELLS"):
        await site.ask(engine, "max_over_time(temperature[3h])")
        with monkeypatch.context() as patch:
            patch.setattr(f"promontory.query.small_queries.{name}", 10)
            _, hops = await site.ask(engine, "max_over_time(temperature[3h])")
            assert hops > 0
    for name in ("MOST_BLOCKS", "MOST_CHUNKS", "MOST_READ_BYTES", "MOST_PAYLOAD_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"promontory.store.prompt_reads.{name}", 1)
            _, hops = await site.ask(engine, "max_over_time(temperature[3h])")
            assert hops > 0


async def test_a_fan_out_answers_at_once_where_all_its_stores_do(site: Site) -> None:
    engine = site.engine(FanoutStore(lambda: [site.store, site.store]))
    long, _ = await site.ask(engine, "temperature")
    short, hops = await site.ask(engine, "temperature")
    assert hops == 0
    assert columns(short) == columns(long)


async def test_what_is_gone_or_broken_is_named_by_the_long_way(site: Site) -> None:
    engine = site.engine()
    for _ in range(2):
        await site.ask(engine, "temperature")
    segments = sorted(site.root.rglob("chunks/000001"))
    body = bytearray(segments[-1].read_bytes())
    for place in range(8, len(body), 16):
        body[place] ^= 0xFF
    segments[-1].write_bytes(body)
    result, hops = await site.ask(engine, "temperature")
    assert hops > 0
    assert "chunk record" in result.annotations.warnings[0]
    segments[-1].unlink()
    result, _ = await site.ask(engine, "temperature")
    assert "no such object" in result.annotations.warnings[0]


async def test_a_block_that_is_opened_anew_answers_by_what_its_files_say_then(site: Site, blocks: list[Path]) -> None:
    listing = FixedListing({})
    store = BucketStore(FilesystemBucket(site.root), listing)
    engine = QueryEngine(store, EngineSettings())
    for zone in ("a", "b"):
        listing.metas = {block.name: read_meta(block, {"zone": zone}) for block in blocks}
        await store.sync()
        for _ in range(2):
            result, _ = await site.ask(engine, "group by (zone) (temperature)")
            assert columns(result)[2] == [Labels.from_mapping({"zone": zone})]
    for block in blocks:
        (site.root / block.name / "tombstones").write_bytes(tombstones(b"\x01\x00\x02"))
    listing.metas = {block.name: read_meta(block, {"zone": "a"}) for block in blocks}
    await store.sync()
    for _ in range(2):
        _, hops = await site.ask(engine, "group by (zone) (temperature)")
        assert hops > 0


async def test_a_stream_of_known_series_takes_no_hop_either(site: Site) -> None:
    """Of a block that is asked for the first time nothing is known yet."""
    matchers = (Matcher(MatchKind.EQUAL, b"__name__", b"temperature"),)
    answers = []
    for span in (TimeRange(NOW_MS - HOUR_S * 1000, NOW_MS), TimeRange(START_S * 1000, START_S * 1000 + 30_000)):
        for _ in range(2):
            context = QueryContext(clock=SystemClock(), pool=site.pool)
            before = site.pool.submitted
            answer = await read_frames(site.store.select(Selector(matchers, span), context))
            answers.append((*answer, site.pool.submitted - before))
            assert context.budget.held_bytes == 0
    assert [answer[-1] > 0 for answer in answers] == [True, False, True, False]
    assert answers[0][:2] == answers[1][:2]
    assert answers[2][:2] == answers[3][:2]


async def test_limits_hold_on_the_short_way(site: Site) -> None:
    engine = site.engine()
    await site.ask(engine, "temperature[1h]")
    scarce = Budget(2_000)
    with pytest.raises(LimitError, match=r"--query\.max-memory"):
        await site.ask(engine, "temperature[1h]", budget=scarce)
    assert scarce.held_bytes == 0
    context = QueryContext(clock=SystemClock(), pool=site.pool, timeout_s=0.0)
    with pytest.raises(LimitError, match="timed out"):
        await engine.instant("temperature[1h]", NOW_MS, QueryOptions(), context)
