"""From one Frame of whole series to Samples: decode, trim, unite what overlaps, merge replicas.

Lanes: the chunks of one known `source` are one replica; chunks of unknown source are put on the first lane that
ended before they begin, as Thanos does. A lane's overlapping chunks (the same data from bucket and sidecar) are
united by timestamp. Lanes are ordered by the bytes of their source, unknown first, and folded by the penalty merge.
A row of one lane without overlap, the common case, is what decoding wrote: nothing is copied.
Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode import ChunkStatus, DecodedChunks, decode_chunks
from promontory.kernels.dedup import assign_lanes, find_disorder, fold_rows
from promontory.kernels.plain_chunks import find_plain_rows
from promontory.model.frame import Aggregate, ChunkColumns, Encoding, Frame
from promontory.model.histograms import HistogramCells, ResetHint
from promontory.model.label_rows import LabelRows
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange
from promontory.store.downsampled import ChosenChunks, choose_chunks, decode_chosen

_NO_CHUNKS = ChunkColumns.empty()


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """The samples of a Frame, and what is missing from them.

    `labels` are the Frame's rows · `corrupt` are the chunks that could not be read · `unsupported` counts chunks of
    other encodings or aggregates · `stopped` says that the query was given up and the samples are not whole
    """

    samples: Samples
    labels: LabelRows
    corrupt: ChunkColumns
    unsupported: int
    stopped: bool


def decode_frame(
    frame: Frame,
    time_range: TimeRange,
    *,
    penalty: bool,
    stop: NDArray[np.uint8],
    aggregates: Sequence[Aggregate] = (Aggregate.RAW,),
) -> DecodedFrame:
    """Return the samples of the frame's series within the range; series without any are left out.

    `penalty` merges replicas by the penalty algorithm; otherwise all chunks of a series are united by timestamp.
    `aggregates` says what was asked of downsampled blocks.
    """
    plain = _decode_plain(frame, time_range, stop)
    if plain is not None:
        return DecodedFrame(plain, frame.labels, _NO_CHUNKS, 0, stopped=False)
    chosen = choose_chunks(frame.chunks, aggregates)
    lane = np.zeros(len(chosen.chunks), np.int32)
    if penalty:
        chosen, lane = _order_by_lane(chosen, frame.labels.symbols)
    elif chosen.chunks.source.any():
        # Of equal timestamps the first one counts: by the text of its source, not by which Store answered first.
        rank = frame.labels.symbols.ranks(chosen.chunks.source)
        chosen, _ = _order_by(chosen, rank, int(rank.max()) + 1)
    chunks = chosen.chunks
    first = _lane_starts(chunks, lane)
    decoded = decode_chosen(chosen, frame.chunks, frame.buffers, frame.labels.symbols, first, time_range, stop)
    samples, folded = _fold(frame.labels, chunks, first, decoded, stop)
    return DecodedFrame(
        samples=_without_empty(samples),
        labels=frame.labels,
        corrupt=chunks.take(np.flatnonzero(decoded.status == ChunkStatus.CORRUPT)),
        unsupported=chosen.left_out + int((decoded.status == ChunkStatus.UNSUPPORTED).sum()),
        stopped=not folded or bool((decoded.status == ChunkStatus.STOPPED).any()),
    )


def _decode_plain(frame: Frame, time_range: TimeRange, stop: NDArray[np.uint8]) -> Samples | None:
    """Return the samples of a frame without lanes, aggregates or troubles; None where there may be any.

    A small frame is decoded in half the time by this, as there is nothing to order, to divide or to merge.
    """
    chunks = frame.chunks
    first = np.empty(len(frame.labels) + 1, np.int64)
    is_plain = find_plain_rows(
        chunks.row, chunks.min_ms, chunks.max_ms, chunks.aggregate, chunks.encoding, chunks.source,
        int(Aggregate.RAW), int(Encoding.XOR), first,
    )  # fmt: skip
    if not is_plain:
        return None
    ends = {"min_ms": time_range.min_time_ms, "max_ms": time_range.max_time_ms}
    decoded = decode_chunks(chunks, frame.buffers, stop=stop, **ends)
    row_start = decoded.chunk_start[first]
    if decoded.status.any() or find_disorder(row_start, decoded.timestamps_ms) < len(frame.labels):
        return None
    return _without_empty(Samples(frame.labels, row_start, decoded.timestamps_ms, decoded.values))


def _order_by_lane(chosen: ChosenChunks, symbols: SymbolTable) -> tuple[ChosenChunks, NDArray[np.int32]]:
    """Return the chunks with those of one lane next to each other, and int32[c]: the lane of each in its row."""
    chunks = chosen.chunks
    lane = np.zeros(len(chunks), np.int32)
    if len(chunks) and chunks.source[0] and np.all(chunks.source == chunks.source[0]):
        return chosen, lane
    rank = symbols.ranks(chunks.source)
    if not (chunks.source == 0).any():
        rank = rank + np.int32(1)
    scratch = np.empty(len(chunks), np.int64)
    lanes = assign_lanes(chunks.row, rank, chunks.min_ms, chunks.max_ms, lane, scratch)
    return _order_by(chosen, lane, lanes)


def _order_by(chosen: ChosenChunks, place: NDArray[np.int32], places: int) -> tuple[ChosenChunks, NDArray[np.int32]]:
    """Return the chunks by row and then by their place (int32[c] below `places`), and their places."""
    key = chosen.chunks.row.astype(np.int64) * places + place
    if np.all(key[1:] >= key[:-1]):
        return chosen, place
    order = np.argsort(key, kind="stable")
    return chosen.take(order), place[order]


def _lane_starts(chunks: ChunkColumns, lane: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the place of the first chunk of each lane."""
    begins = np.ones(len(chunks), np.bool_)
    begins[1:] = (chunks.row[1:] != chunks.row[:-1]) | (lane[1:] != lane[:-1])
    return np.flatnonzero(begins)


def _fold(
    labels: LabelRows, chunks: ChunkColumns, first: NDArray[np.int64], decoded: DecodedChunks, stop: NDArray[np.uint8]
) -> tuple[Samples, bool]:
    """Return the samples with the lanes of each row merged, and whether that came to its end.

    first: the place of the first chunk of each lane
    """
    rows = np.arange(len(labels) + 1, dtype=np.int32)
    row_start = decoded.chunk_start[np.searchsorted(chunks.row, rows)]
    whole = Samples(
        labels, row_start, decoded.timestamps_ms, decoded.values, decoded.histograms, decoded.start_ms
    )  # fmt: skip
    row_lane = np.searchsorted(chunks.row[first], rows)
    if np.all(row_lane[1:] - row_lane[:-1] <= 1) and find_disorder(row_start, whole.timestamps_ms) == len(labels):
        return whole, True
    lane_start = np.append(decoded.chunk_start[first], row_start[-1])
    largest = int(np.max(row_start[1:] - row_start[:-1]))
    times, words = np.empty((3, largest), np.int64), np.empty((3, largest), np.uint64)
    out_start = np.empty(len(labels) + 1, np.int64)
    # Values travel as words that the merge does not look into: with histograms, as the numbers of the samples.
    plain = whole.histograms is None and whole.start_ms is None
    payload = whole.values.view(np.uint64) if plain else np.arange(len(whole.values), dtype=np.uint64)
    timestamps_ms, taken = np.empty_like(whole.timestamps_ms), np.empty_like(payload)
    done = fold_rows(
        row_lane, lane_start, whole.timestamps_ms if plain else whole.timestamps_ms.copy(), payload,
        times, words, np.empty(largest + 1, np.int64), stop, out_start, timestamps_ms, taken,
    )  # fmt: skip
    if done < len(labels):
        return whole, False
    count = out_start[done]
    if plain:
        return Samples(labels, out_start, timestamps_ms[:count], taken[:count].view(np.float64)), True
    return _gather(whole, out_start, taken[:count].astype(np.int64)), True


def _gather(whole: Samples, row_start: NDArray[np.int64], chosen: NDArray[np.int64]) -> Samples:
    """Return the chosen samples; a histogram that does not follow the one it was written behind may be a reset."""
    histograms = whole.histograms
    if histograms is not None:
        index, table = histograms.index[chosen], histograms.table
        moved = np.ones(len(chosen), np.bool_)
        moved[1:] = chosen[1:] != chosen[:-1] + 1
        moved[row_start[:-1][row_start[:-1] < len(chosen)]] = True
        hint = table.hint.copy()
        rows = index[moved & (index >= 0)]
        hint[rows] = np.where(hint[rows] == ResetHint.GAUGE, ResetHint.GAUGE, ResetHint.UNKNOWN)
        histograms = HistogramCells(index, replace(table, hint=hint)).compact()
    return Samples(
        whole.labels,
        row_start,
        whole.timestamps_ms[chosen],
        whole.values[chosen],
        histograms,
        whole.start_ms[chosen] if whole.start_ms is not None else None,
    )


def _without_empty(samples: Samples) -> Samples:
    filled = samples.row_start[1:] > samples.row_start[:-1]
    if filled.all():
        return samples
    row_start = np.append(samples.row_start[:-1][filled], samples.row_start[-1])
    return replace(samples, labels=samples.labels.take(np.flatnonzero(filled)), row_start=row_start)
