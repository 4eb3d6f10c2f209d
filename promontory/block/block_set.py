"""Samples to a set of blocks, one for each aligned range of time that has samples.

    time       0           2 h          4 h
    series a   |-- chunks --|-- chunks --|        no chunk crosses a border of a range;
    series b   |            |-- chunks --|        a range without samples gets no block

Samples come in batches of whole series in label order, so the memory held is that of one batch, of the labels and of
a few hundred kilobytes a block. Floats and native histograms are written; start times have no place in the chunks that
every reader knows. Format: docs/formats/block.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import BlockMeta, ThanosMeta
from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.block.writer import BlockWriter
from promontory.chunk.encode import MOST_SAMPLES_PER_CHUNK, SAMPLES_PER_CHUNK, encode_cuts
from promontory.chunk.encode_samples import encode_samples
from promontory.errors import InputError
from promontory.kernels.chunk_write import cut_chunks, find_late_sample
from promontory.model.clock import Clock
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable

BLOCK_RANGE_MS = 2 * 3_600_000


def write_blocks(
    directory: Path,
    batches: Iterable[Samples],
    *,
    clock: Clock,
    block_range_ms: int = BLOCK_RANGE_MS,
    external_labels: Labels | None = None,
    source: str = "bucket.upload",
    samples_per_chunk: int = SAMPLES_PER_CHUNK,
    entropy: Callable[[int], bytes] = os.urandom,
    durable: bool = True,
) -> list[BlockMeta]:
    """Write blocks into `directory` and return their metas by time; they get their names once all are written.

    The series of all batches rise in label order, each is in one batch, and its timestamps rise: InputError otherwise.
    Without external labels they are plain Prometheus blocks. Not durable skips the syncs.
    """
    thanos = ThanosMeta(labels=external_labels, source=source) if external_labels else None
    symbols = SymbolTable()
    writers: dict[int, BlockWriter] = {}
    with ExitStack() as stack:

        def open_writer(number: int) -> BlockWriter:
            if number not in writers:
                ulid = make_ulid(clock.now_ms(), entropy(ENTROPY_BYTES))
                writer = BlockWriter(directory, ulid=ulid, symbols=symbols, thanos=thanos, durable=durable)
                writers[number] = stack.enter_context(writer)
            return writers[number]

        for batch in batches:
            labels = _translate(batch.labels, symbols)
            columns, data = _encode(batch, block_range_ms, samples_per_chunk)
            number = columns.min_ms // block_range_ms
            order = np.argsort(number, kind="stable")
            borders = np.flatnonzero(np.diff(number[order])) + 1
            for index in np.split(order, borders) if len(order) else ():
                open_writer(int(number[index[0]])).add(labels, columns.take(index), (data,))
        by_time = [writers[number] for number in sorted(writers)]
        metas = [writer.seal() for writer in by_time]
        for writer in by_time:
            writer.publish()
        return metas


def _encode(samples: Samples, block_range_ms: int, samples_per_chunk: int) -> tuple[ChunkColumns, NDArray[np.uint8]]:
    """Return the chunks by row and time, none across a border of a range, and their bytes."""
    if samples.histograms is None:
        row, chunk_start = _cut(samples, block_range_ms, samples_per_chunk)
        floats = encode_cuts(row, chunk_start, samples.timestamps_ms, samples.values)
        return floats.columns(), floats.data
    # Histograms are cut where they must be; a row's samples of each range are given as a row of their own.
    row, span_start = _cut(samples, block_range_ms, max(len(samples.values), 1))
    spans = replace(samples, labels=samples.labels.take(row.astype(np.int64)), row_start=span_start)
    encoded = encode_samples(spans, samples_per_chunk=min(samples_per_chunk, MOST_SAMPLES_PER_CHUNK - 1))
    return replace(encoded.columns(), row=row[encoded.row]), encoded.data


def _cut(samples: Samples, block_range_ms: int, samples_per_chunk: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return (row int32[c], chunk_start int64[c + 1]) of chunks that cross no border of a range."""
    times, row_start = samples.timestamps_ms, samples.row_start
    late = find_late_sample(row_start, times)
    if late >= 0:
        labels = samples.labels.labels(int(np.searchsorted(row_start, late, side="right")) - 1)
        raise InputError(
            f"samples of {labels}: expected rising timestamps, found {times[late]} ms after {times[late - 1]} ms"
        )
    counts = np.diff(row_start)
    filled = np.flatnonzero(counts)
    ranges = times[row_start[filled + 1] - 1] // block_range_ms - times[row_start[filled]] // block_range_ms + 1
    # A chunk has a sample: ranges that a row leaves empty, however many, take no room.
    most = np.minimum(counts[filled], counts[filled] // samples_per_chunk + ranges)
    row = np.empty(int(most.sum()), np.int32)
    chunk_start = np.empty(len(row) + 1, np.int64)
    count = cut_chunks(row_start, times, block_range_ms, samples_per_chunk, row, chunk_start)
    return row[:count], chunk_start[: count + 1]


def _translate(labels: LabelRows, symbols: SymbolTable) -> LabelRows:
    """Return the rows with codes of another table; only the strings that they use go there."""
    blob, start = labels.symbols.arrays()
    used = np.unique(np.concatenate([labels.name, labels.value]))
    codes = np.zeros(len(labels.symbols), np.int32)
    codes[used] = symbols.intern_spans(blob, start[used], start[used + 1])
    return LabelRows(labels.row_start, codes[labels.name], codes[labels.value], symbols)
