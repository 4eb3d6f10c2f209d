"""What is written as blocks is what plain Python and our own store read of it: any labels, floats and histograms."""

from __future__ import annotations

import asyncio
import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.block.block_set import write_blocks
from promontory.block.meta import BlockMeta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.histograms import ResetHint, cells_of
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.samples import STALE_NAN_BITS, Samples
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.block_store import open_block
from promontory.store.samples import read_samples
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of
from tests.block.plain_block import read_block
from tests.block.promtool import run_promtool
from tests.golden.chunks import GoldenSample, exactly
from tests.golden.plain_chunks import read_plain

EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".*"),), ALL_TIME)
HOUR_MS = 3_600_000
Value = int | HistogramValue  # the bits of a float, or a histogram
Found = dict[Labels, list[GoldenSample]]


def to_samples(series: Found) -> Samples:
    """Return the series as columns, in label order."""
    symbols = SymbolTable()
    ordered = sorted(series)
    samples = [sample for labels in ordered for sample in series[labels]]
    held = np.array([sample.histogram is not None for sample in samples], np.bool_)
    table = histograms_of([sample.histogram for sample in samples if sample.histogram is not None], symbols)
    return Samples(
        LabelRows.from_labels(ordered, symbols),
        np.cumsum([0, *(len(series[labels]) for labels in ordered)]).astype(np.int64),
        np.array([sample.time_ms for sample in samples], np.int64),
        np.array([sample.bits or 0 for sample in samples], np.uint64).view(np.float64),
        cells_of(held, table),
    )


def write(folder: Path, series: Found, *, block_range_ms: int) -> list[BlockMeta]:
    metas = write_blocks(
        folder, [to_samples(series)], clock=SystemClock(), block_range_ms=block_range_ms, durable=False
    )
    assert sum(meta.stats.sample_count for meta in metas) == sum(map(len, series.values()))
    return metas


def read_plainly(folder: Path, metas: list[BlockMeta]) -> Found:
    found: Found = {}
    for meta in metas:
        for series in read_block(folder / meta.ulid):
            for chunk in series.chunks:
                samples = read_plain(chunk.encoding, chunk.payload)
                assert (samples[0].time_ms, samples[-1].time_ms) == (chunk.min_ms, chunk.max_ms)
                found.setdefault(series.labels, []).extend(samples)
    return found


async def read_ours(folder: Path, metas: list[BlockMeta], pool: ThreadPoolExecutor) -> Found:
    found: Found = {}
    for meta in metas:
        context = QueryContext(clock=SystemClock(), pool=pool)
        store = await open_block(FilesystemBucket(folder), meta)
        async for samples in read_samples(store, EVERYTHING, context, replica_labels=(), deduplicate=False):
            for row in range(len(samples)):
                span = range(int(samples.row_start[row]), int(samples.row_start[row + 1]))
                found.setdefault(samples.labels.labels(row), []).extend(_sample_at(samples, place) for place in span)
        assert not context.warnings
    return found


def _sample_at(samples: Samples, place: int) -> GoldenSample:
    cells = samples.histograms
    time_ms = int(samples.timestamps_ms[place])
    if cells is not None and cells.index[place] >= 0:
        return GoldenSample(time_ms, 0, None, histogram_at(cells.table, int(cells.index[place])))
    return GoldenSample(time_ms, 0, int(samples.values.view(np.uint64)[place]), None)


def bare(found: Found) -> dict[Labels, list[object]]:
    """Return the samples exactly, but for hints, which the places in chunks decide."""
    return {
        labels: [
            exactly([sample if sample.histogram is None else _unhinted(sample)]) for sample in samples
        ]
        for labels, samples in found.items()
    }  # fmt: skip


def _unhinted(sample: GoldenSample) -> GoldenSample:
    value = sample.histogram
    assert value is not None
    plain = HistogramValue(
        value.schema, value.count, value.sum, value.zero_count, value.zero_threshold, value.positive, value.negative,
        value.custom_values,
    )  # fmt: skip
    return GoldenSample(sample.time_ms, 0, None, plain)


def bits(value: float) -> int:
    (number,) = struct.unpack("<Q", struct.pack("<d", value))
    return int(number)


def mixed_series() -> Found:
    """Five hours of whole and fractional counters with resets, a gauge, custom bounds, floats, and all of it in one."""

    def histogram(number: int, step: float, hint: ResetHint = ResetHint.UNKNOWN) -> HistogramValue:
        count = step * (number % 70 + 1)
        return HistogramValue(
            count=3 * count, sum=number / 7, positive={-3: count, 5: count}, negative={2: count}, hint=hint
        )

    def custom(number: int) -> HistogramValue:
        return HistogramValue(
            schema=-53, count=number + 1, positive={2: number + 1}, custom_values=(0.5, 1.0 + number // 90)
        )

    kinds = {
        "custom": custom,
        "floats": lambda number: bits(number / 3),
        "fractions": lambda number: histogram(number, 0.3),
        "gauge": lambda number: histogram(number, 1, ResetHint.GAUGE),
        "turns": lambda number: [bits(number), histogram(number, 1), STALE_NAN_BITS, custom(number)][number // 8 % 4],
        "whole": lambda number: histogram(number, 2),
    }
    return {
        Labels.from_mapping({"__name__": name}): [_sample(60_000 * number, make(number)) for number in range(300)]
        for name, make in kinds.items()
    }


def _sample(time_ms: int, value: Value) -> GoldenSample:
    is_float = isinstance(value, int)
    return GoldenSample(time_ms, 0, value if is_float else None, None if is_float else value)


def test_blocks_of_floats_and_histograms_hold_every_sample_and_count_both(tmp_path: Path) -> None:
    series = mixed_series()
    metas = write(tmp_path, series, block_range_ms=HOUR_MS)
    assert len(metas) == 5
    assert bare(read_plainly(tmp_path, metas)) == bare(series)
    for meta in metas:
        inside = [s for samples in series.values() for s in samples if meta.min_time_ms <= s.time_ms < meta.max_time_ms]
        histograms = sum(
            len(read_plain(chunk.encoding, chunk.payload))
            for one in read_block(tmp_path / meta.ulid) for chunk in one.chunks if chunk.encoding in (2, 3)
        )  # fmt: skip
        stats = meta.stats
        assert stats.sample_count == len(inside) == stats.float_sample_count + stats.histogram_sample_count
        assert stats.histogram_sample_count == histograms >= sum(s.histogram is not None for s in inside)
        assert meta.max_time_ms - meta.min_time_ms <= HOUR_MS


@pytest.mark.parts
def test_promtool_lists_and_analyzes_blocks_with_histograms(tmp_path: Path) -> None:
    metas = write(tmp_path, mixed_series(), block_range_ms=HOUR_MS)
    listed = run_promtool("list", tmp_path)
    for meta in metas:
        assert meta.ulid in listed
        assert f"Series: {meta.stats.series_count}" in run_promtool("analyze", tmp_path, meta.ulid)


NAMES = st.sampled_from([b"a", b"instance", b"\xff\xfe", b"n" * 65_536, "größe".encode()])
TEXTS = st.sampled_from([b"", b"\x00", b"\xc3\x28", b"v" * 65_536, "日本".encode()]) | st.binary(max_size=5)
LABELS = st.dictionaries(NAMES, TEXTS, max_size=3).map(lambda pairs: Labels.from_mapping({b"__name__": b"m", **pairs}))
ODD = [
    STALE_NAN_BITS,
    0x7FF8000000000001,
    0xFFF8DEADBEEF0000,
    0x7FF0000000000001,
    0x7FF << 52,
    0xFFF << 52,
    1 << 63,
    0,
    1,
]
NUMBERS = st.sampled_from(ODD) | st.integers(0, 2**64 - 1)
COUNTS = st.integers(1, 9).map(float) | st.sampled_from([0.5, 1e300, 2.0**53])
BUCKETS = st.dictionaries(st.integers(-(2**20), 2**20), COUNTS, max_size=3)
HISTOGRAMS = st.builds(
    HistogramValue, schema=st.sampled_from([-9, -4, 0, 8]), count=COUNTS, zero_count=st.just(0.0) | COUNTS,
    sum=st.sampled_from([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1.5]),
    zero_threshold=st.sampled_from([0.0, 2.0**-128, 0.3]), positive=BUCKETS, negative=BUCKETS,
)  # fmt: skip
LOW, HIGH = -(2**63), 2**63 - 2
TIMES = st.sampled_from([LOW, LOW + 1, -1, 0, HIGH - 1, HIGH]) | st.integers(LOW, HIGH)
POINTS = st.lists(st.tuples(TIMES, NUMBERS | HISTOGRAMS), min_size=1, max_size=6, unique_by=lambda point: point[0])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(LABELS, POINTS, min_size=1, max_size=4))
def test_any_labels_times_and_values_come_back_bit_for_bit(made: dict[Labels, list[tuple[int, Value]]]) -> None:
    series = {labels: [_sample(*point) for point in sorted(points, key=_time_of)] for labels, points in made.items()}
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(1) as pool:
        folder = Path(name)
        metas = write(folder, series, block_range_ms=2**62)
        assert bare(read_plainly(folder, metas)) == bare(series)

        assert bare(asyncio.run(read_ours(folder, metas, pool))) == bare(series)


def _time_of(point: tuple[int, Value]) -> int:
    return point[0]
