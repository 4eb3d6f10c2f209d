"""Deleted samples leave chunks of every encoding, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from promontory.block.tombstones import Tombstones
from promontory.chunk.decode_samples import decode_samples
from promontory.model.frame import Encoding
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.deletions import cut_deleted
from promontory.testing.histogram_values import HistogramValue, histogram_at
from tests.golden.chunks import GoldenChunk, columns_of, read_golden_chunks

CHUNKS = [chunk for chunk in read_golden_chunks() if len(chunk.samples) > 2][::9]


def bare(value: HistogramValue) -> HistogramValue:
    return replace(value, hint=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda chunk: chunk.name)
def test_samples_within_a_tombstone_are_gone_and_the_others_are_as_they_were(chunk: GoldenChunk) -> None:
    columns, data = columns_of([chunk])
    times = [sample.time_ms for sample in chunk.samples]
    low, high = times[1], times[-2]
    columns = replace(columns, min_ms=np.array(times[:1]), max_ms=np.array(times[-1:]))
    tombstones = Tombstones(np.array([7]), np.array([low]), np.array([high]))
    cut, buffers, error = cut_deleted(columns, (data,), np.array([7]), tombstones, source="block X")
    assert error is None
    symbols = SymbolTable()
    decoded = decode_samples(cut, buffers, symbols, ALL_TIME, np.zeros(1, np.uint8))
    kept = [sample for sample in chunk.samples if not low <= sample.time_ms <= high]
    assert decoded.timestamps_ms.tolist() == [sample.time_ms for sample in kept]
    cells = decoded.histograms
    for place, sample in enumerate(kept):
        if sample.histogram is None:
            assert decoded.values.view(np.uint64)[place] == sample.bits
        else:
            assert cells is not None
            assert bare(histogram_at(cells.table, int(cells.index[place]))) == bare(sample.histogram)


def test_a_chunk_that_cannot_be_read_is_left_out_and_named() -> None:
    chunk = replace(CHUNKS[0], data=CHUNKS[0].data[:9])
    columns, data = columns_of([chunk, replace(CHUNKS[1], encoding=Encoding.AGGREGATES)])
    tombstones = Tombstones(np.array([7]), np.array([0]), np.array([1]))
    cut, _, error = cut_deleted(columns, (data,), np.array([7, 7]), tombstones, source="block X")
    assert len(cut) == 0
    assert error is not None
    assert "block X" in str(error)
    assert "2 others" in str(error)
