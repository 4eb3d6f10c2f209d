"""From a Store to de-duplicated samples, against plain Python."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import CorruptionError, LimitError, StoreError
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Aggregate, Encoding
from promontory.model.labels import Labels
from promontory.model.samples import STALE_NAN_BITS, Samples
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.store.morsels import MORSEL_BYTES, gather_morsels
from promontory.store.samples import read_samples
from promontory.testing.memory_store import Fault, MemoryChunk, MemorySeries, MemoryStore, make_series
from tests.kernels.test_dedup import describe_penalty_merge

EVERYTHING = Selector(matchers=(), time_range=TimeRange(0, 10**12))
STALE = struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0]

Row = list[tuple[int, float]]


async def read(
    store: MemoryStore,
    context: QueryContext,
    selector: Selector = EVERYTHING,
    *,
    replica_labels: tuple[bytes, ...] = (b"replica",),
    deduplicate: bool = True,
    penalty: bool = True,
) -> dict[str, Row]:
    found: dict[str, Row] = {}
    async for samples in read_samples(
        store, selector, context, replica_labels=replica_labels, deduplicate=deduplicate, penalty=penalty
    ):
        for row in range(len(samples)):
            text = str(samples.labels.labels(row))
            assert text not in found
            found[text] = row_of(samples, row)
    assert context.budget.held_bytes == 0
    return found


def row_of(samples: Samples, row: int) -> Row:
    span = slice(int(samples.row_start[row]), int(samples.row_start[row + 1]))
    return list(zip(samples.timestamps_ms[span].tolist(), samples.values[span].tolist(), strict=True))


def replica_of(
    name: str, times: Sequence[int], value: float, *, samples_per_chunk: int = 4, **more: str
) -> MemorySeries:
    labels = {"__name__": "up", "replica": name, **more}
    return make_series(labels, times, [value] * len(times), samples_per_chunk=samples_per_chunk)


def penalty_of(*lanes: Row) -> Row:
    folded: Row = lanes[0]
    for lane in lanes[1:]:
        folded = describe_penalty_merge(folded, lane)  # type: ignore[arg-type, assignment]
    return folded


HOLES = st.sets(st.integers(0, 79), max_size=60)


@given(st.lists(HOLES, min_size=1, max_size=3), st.integers(1, 9), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_replicas_with_holes_are_merged_as_described(
    holes: list[set[int]], samples_per_chunk: int, again: bool, penalty: bool
) -> None:
    series = []
    lanes: list[Row] = []
    for replica, missed in enumerate(holes):
        times = [number * 15000 + replica * 1111 for number in range(80) if number not in missed]
        lanes.append([(time, float(replica)) for time in times])
        series.append(replica_of(f"r{replica}", times, float(replica), samples_per_chunk=samples_per_chunk))
        if again:  # The same samples once more, cut into other chunks: block and Prometheus overlap.
            series.append(replica_of(f"r{replica}", times[3:50], float(replica), samples_per_chunk=7))
    with ThreadPoolExecutor(2) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        found = asyncio.run(read(MemoryStore(series), context, penalty=penalty))
    expected = penalty_of(*lanes) if penalty else sorted(sample for lane in lanes for sample in lane)
    assert found == ({'{__name__="up"}': expected} if expected else {})


@pytest.mark.parametrize("penalty", [True, False])
async def test_lanes_are_ordered_by_the_text_of_their_source(context: QueryContext, penalty: bool) -> None:
    # Codes are given in order of appearance: b first. On equal timestamps the lane of a must win.
    context.symbols.intern(b'replica="b"')
    times = [0, 15000, 30000]
    store = MemoryStore([replica_of("b", times, 2.0), replica_of("a", times, 1.0)])
    found = await read(store, context, penalty=penalty)
    assert found == {'{__name__="up"}': [(time, 1.0) for time in times]}


async def test_chunks_of_unknown_source_that_overlap_are_replicas(context: QueryContext) -> None:
    one = make_series({"__name__": "up"}, range(0, 150000, 15000), [1.0] * 10, samples_per_chunk=5)
    other = make_series({"__name__": "up"}, range(1000, 151000, 15000), [2.0] * 10, samples_per_chunk=5)
    found = await read(MemoryStore([one, other]), context)
    assert found == {'{__name__="up"}': [(time, 1.0) for time in range(0, 150000, 15000)]}


async def test_without_deduplication_replicas_stay_apart_and_copies_are_united(context: QueryContext) -> None:
    times = list(range(0, 300000, 15000))
    store = MemoryStore(
        [replica_of("a", times, 1.0), replica_of("b", times, 2.0), replica_of("a", times[5:], 1.0, samples_per_chunk=3)]
    )
    found = await read(store, context, deduplicate=False)
    assert found == {
        f'{{__name__="up", replica="{name}"}}': [(time, value) for time in times]
        for name, value in (("a", 1.0), ("b", 2.0))
    }
    assert store.asked[-1].without_replica_labels == ()


async def test_samples_are_trimmed_to_the_range_and_empty_series_left_out(context: QueryContext) -> None:
    series = [
        make_series({"n": "1"}, [0, 10, 20, 30], [0.0, 1.0, 2.0, 3.0]),
        make_series({"n": "2"}, [0, 40], [1.0, 1.0]),
        make_series({"n": "3"}, [20], [7.0]),
    ]
    found = await read(MemoryStore(series), context, replace(EVERYTHING, time_range=TimeRange(10, 20)))
    assert found == {'{n="1"}': [(10, 1.0), (20, 2.0)], '{n="3"}': [(20, 7.0)]}


async def test_every_bit_of_a_value_survives(context: QueryContext) -> None:
    values = [STALE, float("nan"), -0.0, float("inf"), 5e-324]
    times = [0, 1, 2, 3, 4]
    labels = {"__name__": "up"}
    store = MemoryStore([make_series({**labels, "replica": name}, times, values) for name in ("a", "b")])
    async for samples in read_samples(store, EVERYTHING, context, replica_labels=(b"replica",), deduplicate=True):
        assert samples.values.view(np.uint64).tolist() == np.array(values).view(np.uint64).tolist()


async def test_counters_are_never_adjusted(context: QueryContext) -> None:
    one = make_series({"__name__": "n", "replica": "a"}, [0, 15000, 30000], [100.0, 110.0, 120.0])
    other = make_series({"__name__": "n", "replica": "b"}, [90000, 105000], [3.0, 4.0])
    found = await read(MemoryStore([one, other]), context)
    assert [value for _, value in found['{__name__="n"}']] == [100.0, 110.0, 120.0, 3.0, 4.0]


@pytest.mark.parametrize("replica_labels", [(), (b"replica",)])
async def test_a_corrupt_chunk_is_named_and_the_series_goes_on(
    context: QueryContext, replica_labels: tuple[bytes, ...]
) -> None:
    series = make_series({"__name__": "up"}, range(12), [1.0] * 12, samples_per_chunk=4)
    chunks = list(series.chunks)
    chunks[1] = replace(chunks[1], data=b"\xff\xff\x80")
    found = await read(
        MemoryStore([MemorySeries(series.labels, tuple(chunks))]), context, replica_labels=replica_labels
    )
    assert [time for time, _ in found['{__name__="up"}']] == [0, 1, 2, 3, 8, 9, 10, 11]
    (warning,) = context.warnings
    assert 'series {__name__="up"}, samples 4 to 7 ms' in warning


async def test_a_corrupt_chunk_fails_a_query_that_wants_all_or_nothing(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, partial_response=False)
    series = MemorySeries(Labels.from_mapping({"a": "x"}), (MemoryChunk(0, 1, b"\0\5\xff"),))
    with pytest.raises(CorruptionError):
        await read(MemoryStore([series]), context)
    assert context.budget.held_bytes == 0


async def test_unknown_encodings_and_aggregates_give_one_warning(context: QueryContext) -> None:
    good = make_series({"n": "1"}, [0], [1.0]).chunks
    others = (
        MemoryChunk(0, 1, b"\0\1xx", encoding=Encoding.AGGREGATES),
        MemoryChunk(0, 1, b"\0\1xx", aggregate=Aggregate.SUM),
    )
    labels = [Labels.from_mapping({"n": text}) for text in "12"]
    store = MemoryStore([MemorySeries(labels[0], (*good, *others)), MemorySeries(labels[1], others)])
    found = await read(store, context, replace(EVERYTHING, aggregates=(Aggregate.RAW, Aggregate.SUM)))
    assert found == {'{n="1"}': [(0, 1.0)]}
    assert [text.startswith("chunks of unknown encodings") for text in context.warnings] == [True]


async def test_morsels_are_bounded_and_hold_whole_series_in_order(context: QueryContext) -> None:
    rows = [make_series({"n": f"{number:04d}"}, range(200), [0.5] * 200, samples_per_chunk=20) for number in range(60)]
    store = MemoryStore(rows, frame_rows=7)
    frames = store.select(EVERYTHING, context)
    morsels = [morsel async for morsel in gather_morsels(frames, context, payload_bytes=2000)]
    assert len(morsels) >= 4
    joined = [morsel.join() for morsel in morsels]
    assert max(frame.payload_bytes for frame in joined) < 2 * 2000 < MORSEL_BYTES
    assert sum(len(frame.labels) for frame in joined) == 60
    found = await read(store, context)
    assert list(found) == [f'{{n="{number:04d}"}}' for number in range(60)]


async def test_a_series_in_many_frames_is_one_row(context: QueryContext) -> None:
    series = make_series({"n": "1"}, range(400), [1.0] * 400, samples_per_chunk=10)
    pieces = [MemorySeries(series.labels, (chunk,)) for chunk in series.chunks]

    class Chopped(MemoryStore):
        def _find(self, selector: Selector) -> list[MemorySeries]:
            return pieces

    found = await read(Chopped([], frame_rows=1), context)
    assert found == {'{n="1"}': [(time, 1.0) for time in range(400)]}
    frames = Chopped([], frame_rows=1).select(EVERYTHING, context)
    morsels = [morsel async for morsel in gather_morsels(frames, context, payload_bytes=10)]
    assert [len(morsel.join().labels) for morsel in morsels] == [1]


async def test_a_store_that_breaks_the_order_is_not_believed(context: QueryContext) -> None:
    rows = [make_series({"n": text}, [0], [1.0]) for text in "132"]
    with pytest.raises(StoreError, match="memory broke the order"):
        await read(MemoryStore(rows, ordered=False, frame_rows=1), context)


async def test_the_deadline_ends_a_wait_for_a_store(pool: ThreadPoolExecutor) -> None:
    fault = Fault(after_frames=0, gate=asyncio.Event())
    context = QueryContext(clock=SystemClock(), pool=pool, timeout_s=0.05)
    with pytest.raises(LimitError, match="timed out"):
        await read(MemoryStore([make_series({"n": "1"}, [0], [1.0])], fault=fault), context)
    assert fault.ended.is_set()


async def test_giving_up_closes_the_store(context: QueryContext) -> None:
    fault = Fault(after_frames=1, gate=asyncio.Event())
    rows = [make_series({"n": str(number)}, [0], [1.0]) for number in range(4)]
    task = asyncio.ensure_future(read(MemoryStore(rows, fault=fault, frame_rows=2), context))
    await fault.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fault.ended.is_set()
    assert context.budget.held_bytes == 0


async def test_a_canceled_query_never_yields_half_a_morsel(context: QueryContext) -> None:
    context.stop[0] = 1
    with pytest.raises(LimitError, match="canceled"):
        await read(MemoryStore([make_series({"n": "1"}, [0], [1.0])]), context)


async def test_samples_are_charged_to_the_budget(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(3000))
    series = make_series({"n": "1"}, range(1000), [1.0] * 1000)
    with pytest.raises(LimitError, match="query would hold"):
        await read(MemoryStore([series]), context)
    assert context.budget.held_bytes == 0
