"""Many Stores as one: pruning, merging, and what becomes of a child that fails."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from promontory.errors import CorruptionError, LimitError, StoreError, StoreUnavailable
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.time_range import TimeRange
from promontory.store.fanout import FanoutStore
from promontory.store.samples import read_samples
from promontory.testing.memory_store import Fault, MemorySeries, MemoryStore, make_series, read_series

EVERYTHING = Selector(matchers=(), time_range=TimeRange(0, 10**9))
ZONES = [Labels.from_mapping({"zone": text}) for text in "ab"]


def equal(name: str, value: str) -> Matcher:
    return Matcher(MatchKind.EQUAL, name.encode(), value.encode())


def child(name: str, *numbers: int, fault: Fault | None = None, ordered: bool = True, **info: object) -> MemoryStore:
    rows = [make_series({"n": f"{number:03d}"}, [number, 1000], [1.0, 2.0]) for number in numbers]
    described = replace(StoreInfo(name=name, kind="store"), **info)  # type: ignore[arg-type]
    return MemoryStore(rows, info=described, frame_rows=2, fault=fault, ordered=ordered)


async def select(
    context: QueryContext, *children: MemoryStore, selector: Selector = EVERYTHING
) -> tuple[list[str], list[MemorySeries]]:
    fanout = FanoutStore(lambda: children)
    found = read_series([frame async for frame in fanout.select(selector, context)])
    assert context.budget.held_bytes == 0
    return [row.labels.get(b"n").decode() for row in found], found


@pytest.fixture
def strict(pool: ThreadPoolExecutor) -> QueryContext:
    """A query that wants all or nothing."""
    return QueryContext(clock=SystemClock(), pool=pool, partial_response=False)


async def test_children_are_merged_and_shared_series_stand_once(context: QueryContext) -> None:
    numbers, found = await select(context, child("x", 1, 3, 5), child("y", 2, 3, 4), child("z"))
    assert numbers == ["001", "002", "003", "004", "005"]
    assert [len(row.chunks) for row in found] == [1] * 5
    assert not context.warnings


async def test_children_are_asked_at_the_same_time(context: QueryContext) -> None:
    gate = asyncio.Event()
    faults = [Fault(after_frames=0, gate=gate) for _ in range(3)]
    stores = [child(f"s{number}", number, fault=fault) for number, fault in enumerate(faults)]
    task = asyncio.ensure_future(select(context, *stores))
    for fault in faults:
        await fault.reached.wait()
    gate.set()
    assert (await task)[0] == ["000", "001", "002"]


@pytest.mark.parametrize(
    ("info", "matchers", "asked"),
    [
        ({"time_range": TimeRange(10**9 + 1, 10**10)}, (), False),
        ({"time_range": TimeRange(10**9, 10**10)}, (), True),
        ({"label_sets": (ZONES[0],)}, (equal("zone", "b"),), False),
        ({"label_sets": (ZONES[0],)}, (equal("zone", ""),), False),
        ({"label_sets": tuple(ZONES)}, (equal("zone", "b"),), True),
        ({"label_sets": (ZONES[0],)}, (equal("other", "b"),), True),
        ({"label_sets": ()}, (equal("zone", "b"),), True),
        ({"label_sets": (ZONES[0], Labels())}, (equal("zone", "b"),), True),
    ],
)
async def test_only_children_that_can_answer_are_asked(
    context: QueryContext, info: dict[str, object], matchers: tuple[Matcher, ...], asked: bool
) -> None:
    store = child("x", 1, **info)
    await select(context, store, selector=replace(EVERYTHING, matchers=matchers))
    assert bool(store.asked) is asked


@pytest.mark.parametrize(
    ("sets", "asked"),
    [
        (((equal("__address__", "x"),),), [True, False]),
        (((equal("__address__", "x"),), (equal("__address__", "y"),)), [True, True]),
        (((Matcher(MatchKind.REGEX, b"__address__", b"x|y"), equal("zone", "b")),), [False, True]),
    ],
)
async def test_store_matchers_choose_children(
    pool: ThreadPoolExecutor, sets: tuple[tuple[Matcher, ...], ...], asked: list[bool]
) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, store_matchers=sets)
    stores = [child(name, 1, label_sets=(zone,)) for name, zone in zip("xy", ZONES, strict=True)]
    await select(context, *stores)
    assert [bool(store.asked) for store in stores] == asked


async def test_rows_before_a_failure_stay_and_the_warning_names_the_child(context: QueryContext) -> None:
    failing = child("10.0.0.1:10901", 1, 4, 6, 8, fault=Fault(1, StoreUnavailable("gone", endpoint="elsewhere")))
    numbers, _ = await select(context, failing, child("y", 2, 5, 9))
    assert numbers == ["001", "002", "004", "005", "009"]
    assert list(context.warnings) == ["10.0.0.1:10901: gone"]


async def test_a_failure_fails_a_query_that_wants_all_or_nothing(strict: QueryContext) -> None:
    endless = Fault(after_frames=1, gate=asyncio.Event())
    failing = child("x", 1, fault=Fault(0, CorruptionError("crc", source="b", offset=1, expected="1", found="2")))
    with pytest.raises(StoreError, match="x: crc in b at offset 1") as caught:
        await select(strict, child("y", 2, 3, 4, fault=endless), failing)
    assert caught.value.endpoint == "x"
    assert endless.ended.is_set()


async def test_a_child_out_of_order_is_a_failing_child(context: QueryContext) -> None:
    numbers, _ = await select(context, child("x", 1, 5, 3, 9, ordered=False), child("y", 2))
    assert numbers == ["001", "002", "005"]
    assert [text.split(":")[0] for text in context.warnings] == ["x broke the order of series"]


@pytest.mark.parametrize("error_type", ["timeout", "execution"])
async def test_bounds_of_the_query_are_raised_not_tolerated(context: QueryContext, error_type: str) -> None:
    failing = child("x", 1, fault=Fault(0, LimitError("bound met", error_type=error_type)))
    with pytest.raises(LimitError):
        await select(context, failing, child("y", 2))
    with pytest.raises(LimitError):
        await FanoutStore(lambda: [failing]).label_names(EVERYTHING, context)


async def test_no_children_at_all_is_an_error_only_for_all_or_nothing(
    context: QueryContext, strict: QueryContext
) -> None:
    assert await select(context) == ([], [])
    assert not context.warnings
    with pytest.raises(StoreError, match="No StoreAPIs available"):
        await select(strict)
    with pytest.raises(StoreError, match="No StoreAPIs available"):
        await FanoutStore(list).label_values(b"n", EVERYTHING, strict)
    out_of_range = child("x", 1, time_range=TimeRange(10**12, 10**12))
    assert await select(strict, out_of_range) == ([], [])


async def test_the_limit_counts_merged_series(context: QueryContext) -> None:
    stores = [child("x", 1, 3, 5), child("y", 2, 3, 4)]
    for limit in (1, 2, 4):
        numbers, _ = await select(context, *stores, selector=replace(EVERYTHING, limit=limit))
        assert numbers == ["001", "002", "003", "004"][:limit]


async def test_names_and_values_are_united_sorted_and_limited(context: QueryContext) -> None:
    gone = child("z", 7, fault=Fault(0, StoreUnavailable("z: gone", endpoint="z")))
    fanout = FanoutStore(lambda: [child("x", 3, 1), child("y", 2, 3), gone])
    assert await fanout.label_names(EVERYTHING, context) == [b"n"]
    assert await fanout.label_values(b"n", EVERYTHING, context) == [b"001", b"002", b"003"]
    assert await fanout.label_values(b"n", replace(EVERYTHING, limit=2), context) == [b"001", b"002"]
    assert list(context.warnings) == ["z: gone"]


def test_the_description_is_the_union_of_the_children() -> None:
    one = child(
        "x", label_sets=(ZONES[1],), time_range=TimeRange(5, 9), tsdb_infos=(TsdbInfo(ZONES[1], TimeRange(5, 9)),)
    )
    other = child("y", label_sets=(ZONES[0], ZONES[1]), time_range=TimeRange(1, 7))
    info = FanoutStore(lambda: [one, other], name="q").describe()
    assert (info.name, info.label_sets, info.time_range) == ("q", tuple(ZONES), TimeRange(1, 9))
    assert info.tsdb_infos == (TsdbInfo(ZONES[1], TimeRange(5, 9)),)
    assert FanoutStore(lambda: [one, child("always")]).describe().label_sets == ()
    assert FanoutStore(list).describe().label_sets == ()


async def test_replicas_from_two_children_become_one_series(context: QueryContext) -> None:
    stores = [
        MemoryStore([make_series({"n": "1", "replica": name}, range(0, 60000, 15000), [value] * 4)])
        for name, value in (("b", 2.0), ("a", 1.0))
    ]
    fanout = FanoutStore(lambda: stores)
    rows = [
        (str(samples.labels.labels(0)), samples.timestamps_ms.tolist(), samples.values.tolist())
        async for samples in read_samples(fanout, EVERYTHING, context, replica_labels=(b"replica",), deduplicate=True)
    ]
    assert rows == [('{n="1"}', [0, 15000, 30000, 45000], [1.0] * 4)]
