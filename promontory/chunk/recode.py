"""Chunks written again in the encodings that every reader knows: XOR, HISTOGRAM and FLOAT_HISTOGRAM.

Start times have no place there and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import MOST_SAMPLES_PER_CHUNK
from promontory.chunk.encode_samples import encode_samples
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME

Bytes = NDArray[np.uint8]
Keep = Callable[[DecodedChunks], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Recoded:
    """The chunks of the samples in `data` (their `buffer` is 0), and which chunks could not be read."""

    chunks: ChunkColumns
    data: Bytes
    broken: ChunkColumns


def recode_chunks(chunks: ChunkColumns, buffers: Sequence[Bytes], keep: Keep | None = None) -> Recoded:
    """Return the samples of the chunks as new chunks of the same rows and sources.

    `keep` chooses samples, bool[m]; what is left of a chunk stays with its row. One chunk may become several.
    """
    symbols = SymbolTable()  # of this call's custom bounds alone
    decoded = decode_samples(chunks, buffers, symbols, ALL_TIME, np.zeros(1, np.uint8))
    rows = LabelRows.from_labels([Labels()] * len(chunks), symbols)
    samples = Samples(rows, decoded.chunk_start, decoded.timestamps_ms, decoded.values, decoded.histograms)
    if keep is not None:
        samples = samples.keep(keep(decoded))
    encoded = encode_samples(samples, samples_per_chunk=MOST_SAMPLES_PER_CHUNK - 1)
    columns = replace(
        encoded.columns(),
        row=chunks.row[encoded.row],
        source=chunks.source[encoded.row],
        aggregate=chunks.aggregate[encoded.row],
    )
    return Recoded(columns, encoded.data, chunks.take(np.flatnonzero(decoded.status != ChunkStatus.OK)))
