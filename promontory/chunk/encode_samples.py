"""Samples of floats and native histograms to chunks, as Prometheus writes them.

Format: docs/formats/chunks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.encode import SAMPLES_PER_CHUNK
from promontory.kernels import histogram_cuts, histogram_encode, xor_encode
from promontory.model.frame import Aggregate, ChunkColumns
from promontory.model.histograms import HistogramCells, Histograms
from promontory.model.label_rows import LabelRows
from promontory.model.samples import Samples

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleChunks:
    """c chunks of all encodings in `data` uint8[], one after the other.

    row int32[c] · encoding uint8[c] · first int64[c + 1], their samples · min_ms, max_ms int64[c] ·
    start, length int64[c] in bytes
    """

    row: NDArray[np.int32]
    encoding: NDArray[np.uint8]
    first: Ints
    min_ms: Ints
    max_ms: Ints
    start: Ints
    length: Ints
    data: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.row)

    def columns(self, *, aggregate: Aggregate = Aggregate.RAW, source: int = 0) -> ChunkColumns:
        """Return them as chunk columns over the one buffer `data`."""
        count = len(self)
        return ChunkColumns(
            row=self.row, min_ms=self.min_ms, max_ms=self.max_ms, aggregate=np.full(count, aggregate, np.uint8),
            encoding=self.encoding, buffer=np.zeros(count, np.int32), start=self.start, length=self.length,
            source=np.full(count, source, np.int32),
        )  # fmt: skip


def encode_samples(samples: Samples, *, samples_per_chunk: int = SAMPLES_PER_CHUNK) -> SampleChunks:
    """Return the chunks of the rows, cut every `samples_per_chunk` samples (at most 65,534) and where Prometheus must.

    Histograms of another schema, zero threshold or bounds, after a counter reset, or beside floats begin a new chunk.
    Start times are not written: XOR, HISTOGRAM and FLOAT_HISTOGRAM chunks are what every reader knows.
    """
    assert 0 < samples_per_chunk < 65_535
    count = len(samples.values)
    cells = samples.histograms
    if cells is None:
        cells = HistogramCells(np.full(count, -1, np.int32), Histograms.empty(samples.labels.symbols))
    table = cells.table
    first, row = np.empty(count + 1, np.int64), np.empty(count, np.int32)
    encoding, header = np.empty(count, np.uint8), np.empty(count, np.uint8)
    bits = samples.values.view(np.uint64)
    whole = np.empty(len(table), np.bool_)
    histogram_cuts.find_whole(table.count, table.zero_count, table.bucket_start, table.bucket_count, whole)
    chunks = histogram_cuts.cut_chunks(
        samples.row_start, cells.index, bits, table.schema, table.hint, table.bounds, table.zero_threshold,
        table.zero_count, table.count, table.bucket_start, table.bucket_key, table.bucket_count, whole,
        samples_per_chunk, first, row, encoding, header,
    )  # fmt: skip
    first[chunks] = count
    first, row, encoding, header = first[: chunks + 1], row[:chunks], encoding[:chunks], header[:chunks]
    layout_start, layout = _unite_keys(first, encoding, cells)
    data, position = _encode(samples, cells, first, encoding, header, layout_start, layout)
    return SampleChunks(
        row=row,
        encoding=encoding,
        first=first,
        min_ms=samples.timestamps_ms[first[:-1]],
        max_ms=samples.timestamps_ms[first[1:] - 1],
        start=position[:-1],
        length=np.diff(position),
        data=data,
    )


def encode_histograms(
    timestamps_ms: Ints, table: Histograms, row: NDArray[np.int32], first: Ints, header: NDArray[np.uint8]
) -> SampleChunks:
    """Return one chunk of float histograms for the table's rows first[c] .. first[c + 1], whatever a counter did there.

    header: uint8[c], the reset headers of kernels/histogram_cuts.py. The rows of a chunk share schema, zero threshold
    and bounds, and are 65,535 at most.
    """
    count = len(timestamps_ms)
    cells = HistogramCells(np.arange(count, dtype=np.int32), table)
    samples = Samples(LabelRows.empty(table.symbols), first, timestamps_ms, np.zeros(count), cells)
    encoding = np.full(len(row), histogram_cuts.FLOAT_HISTOGRAM, np.uint8)
    layout_start, layout = _unite_keys(first, encoding, cells)
    data, position = _encode(samples, cells, first, encoding, header, layout_start, layout)
    return SampleChunks(
        row=row, encoding=encoding, first=first, min_ms=timestamps_ms[first[:-1]],
        max_ms=timestamps_ms[first[1:] - 1], start=position[:-1], length=np.diff(position), data=data,
    )  # fmt: skip


def _unite_keys(first: Ints, encoding: NDArray[np.uint8], cells: HistogramCells) -> tuple[Ints, NDArray[np.int32]]:
    """Return the keys of each chunk's buckets as CSR."""
    table = cells.table
    sizes = np.append(np.diff(table.bucket_start), 0)[cells.index]
    most = int(np.add.reduceat(sizes, first[:-1]).max()) if len(encoding) else 0
    layout_start = np.empty(len(encoding) + 1, np.int64)
    scratch = np.empty((2, most), np.int32)
    columns = (first, encoding, cells.index, table.bucket_start, table.bucket_key)
    needed = histogram_cuts.unite_keys(*columns, layout_start, np.empty(0, np.int32), scratch)
    layout = np.empty(needed, np.int32)
    histogram_cuts.unite_keys(*columns, layout_start, layout, scratch)
    return layout_start, layout


def _encode(
    samples: Samples, cells: HistogramCells, first: Ints, encoding: NDArray[np.uint8], header: NDArray[np.uint8],
    layout_start: Ints, layout: NDArray[np.int32],
) -> tuple[NDArray[np.uint8], Ints]:  # fmt: skip
    """Return the bytes of the chunks and where each begins and the last one ends."""
    table = cells.table
    widest = int(np.diff(layout_start).max(initial=0))
    bound_row, bound_start, bounds = table.bound_values()
    fields = np.ascontiguousarray(np.stack([table.zero_threshold, table.zero_count, table.count, table.sum], axis=1))
    spread, words = np.empty(widest), np.empty(widest + histogram_encode.AHEAD, np.uint64)
    # The worst case in address space only: pages that no chunk reaches are never touched.
    room = _room(first, encoding, layout_start, np.diff(bound_start).max(initial=0))
    data, position = np.empty(room, np.uint8), np.empty(len(encoding) + 1, np.int64)
    histogram_encode.encode_chunks(
        samples.timestamps_ms, samples.values.view(np.uint64), cells.index, first, encoding, header,
        table.schema, fields, fields.view(np.uint64), table.bucket_start, table.bucket_key, table.bucket_count,
        bound_row, bound_start, bounds, bounds.view(np.uint64), layout_start, layout,
        spread, spread.view(np.uint64), words, np.empty(len(words), np.uint8), np.empty(len(words), np.uint8),
        np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(3, np.uint64), data, position,
    )  # fmt: skip
    return data[: position[-1]], position


def _room(first: Ints, encoding: NDArray[np.uint8], layout_start: Ints, most_bounds: int) -> int:
    """Return the bytes that the chunks take at most."""
    counts, widths = np.diff(first), np.diff(layout_start)
    floats = counts * xor_encode.SAMPLE_ROOM + xor_encode.HEAD_ROOM
    each = histogram_encode.SAMPLE_ROOM + widths * histogram_encode.BUCKET_ROOM
    layouts = widths * histogram_encode.LAYOUT_ROOM + most_bounds * histogram_encode.BOUND_ROOM
    histograms = counts * each + layouts + histogram_encode.CHUNK_ROOM
    return int(np.where(encoding == histogram_cuts.XOR, floats, histograms).sum()) + xor_encode.HEAD_ROOM
