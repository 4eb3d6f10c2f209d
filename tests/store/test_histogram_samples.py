"""Native histograms of replicas, merged as floats are; hints tell the truth afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Encoding
from promontory.model.histograms import ResetHint
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.store.samples import read_samples
from promontory.testing.histogram_values import HistogramValue, histogram_at
from promontory.testing.memory_store import MemoryChunk, MemorySeries, MemoryStore
from tests.golden.chunks import GoldenChunk, read_golden_chunks

EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".*"),), ALL_TIME)


def golden(name: str) -> GoldenChunk:
    return next(chunk for chunk in read_golden_chunks() if chunk.name.startswith(name))


def series(*chunks: GoldenChunk, **labels: str) -> MemorySeries:
    return MemorySeries(
        Labels.from_mapping({"__name__": "latency", **labels}),
        tuple(
            MemoryChunk(chunk.samples[0].time_ms, chunk.samples[-1].time_ms, chunk.data, Encoding(chunk.encoding))
            for chunk in chunks
        ),
    )


async def read(*rows: MemorySeries, penalty: bool = True) -> Samples:
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        batches = read_samples(
            MemoryStore(list(rows)), EVERYTHING, context,
            replica_labels=(b"replica",), deduplicate=True, penalty=penalty,
        )  # fmt: skip
        (samples,) = [batch async for batch in batches]
        assert not context.warnings
        assert context.budget.held_bytes == 0
        return samples


def values_of(samples: Samples) -> list[HistogramValue]:
    cells = samples.histograms
    assert cells is not None
    return [histogram_at(cells.table, int(row)) for row in cells.index]


@pytest.mark.parametrize(
    "name", ["histogram counter schema -4, 14", "histogram gauge schema -53, 14", "histogram counter schema 8, 14"]
)
@pytest.mark.parametrize("penalty", [True, False])
async def test_two_equal_replicas_are_one_series_of_the_same_histograms(name: str, penalty: bool) -> None:
    chunk = golden(name)
    samples = await read(series(chunk, replica="a"), series(chunk, replica="b"), penalty=penalty)
    expected = [sample for sample in chunk.samples if sample.histogram is not None]
    assert samples.timestamps_ms.tolist()[: len(expected)] == [sample.time_ms for sample in expected]
    cells = samples.histograms
    assert cells is not None
    found = [histogram_at(cells.table, int(row)) for row in cells.index if row >= 0]
    assert found == [sample.histogram for sample in expected]


async def test_a_series_that_holds_floats_and_histograms_gives_both() -> None:
    histograms = golden("histogram counter schema 3, 3")
    floats = next(chunk for chunk in read_golden_chunks() if chunk.encoding == Encoding.XOR2)
    samples = await read(series(histograms, floats))
    assert samples.histograms is not None
    order = sorted([*histograms.samples, *floats.samples], key=lambda sample: sample.time_ms)
    assert samples.timestamps_ms.tolist() == [sample.time_ms for sample in order]
    held = samples.histograms.held
    assert held.tolist() == [sample.histogram is not None for sample in order]
    assert samples.values.view("u8")[~held].tolist() == [sample.bits for sample in order if sample.bits is not None]


async def test_a_histogram_whose_forerunner_was_merged_away_does_not_say_that_there_was_no_reset() -> None:
    chunk = golden("histogram counter schema -4, 14")
    before = golden("histogram counter schema -53, 1 ")
    middle = before.samples[0].time_ms
    assert chunk.samples[0].time_ms < middle < chunk.samples[-1].time_ms
    samples = await read(series(chunk, replica="a"), series(before, replica="a"), penalty=False)
    hints = [value.hint for value in values_of(samples)]
    place = samples.timestamps_ms.tolist().index(middle)
    assert [hints[0], hints[place], hints[place + 1]] == [ResetHint.UNKNOWN] * 3
    assert set(hints[1:place] + hints[place + 2 :]) == {ResetHint.NOT_RESET}
