"""The corners of every encoding: Prometheus' bytes, read by the kernels and by plain Python, and written again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from promontory.chunk.decode import ChunkStatus
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import encode_series
from promontory.chunk.encode_samples import encode_samples
from promontory.model.frame import Encoding
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from tests.chunk.test_decode_samples import decode, samples_of
from tests.golden.chunks import GoldenChunk, GoldenSample, columns_of, exactly, read_golden_chunks
from tests.golden.plain_chunks import read_plain

EDGES = read_golden_chunks("edge_chunks")
LISTED = 300
RUNNING = np.zeros(1, np.uint8)


def listed(samples: Sequence[GoldenSample]) -> list[object]:
    """Return what a golden chunk lists of these samples."""
    return exactly(samples if len(samples) <= LISTED else (*samples[:5], *samples[-5:]))


def is_written(chunk: GoldenChunk) -> bool:
    """Say whether the samples leave no choice of encoding and layout to whoever writes them."""
    return chunk.encoding == Encoding.XOR or (
        chunk.encoding in (Encoding.HISTOGRAM, Encoding.FLOAT_HISTOGRAM) and "written: " in chunk.name
    )


def test_the_corners_are_of_every_encoding() -> None:
    assert {chunk.encoding for chunk in EDGES} == {1, 2, 3, 4, 5, 6}
    assert sum(map(is_written, EDGES)) > 50


def test_kernels_read_every_corner_as_prometheus_does() -> None:
    decoded = decode(*columns_of(EDGES))
    assert set(decoded.status.tolist()) == {ChunkStatus.OK}
    assert np.diff(decoded.chunk_start).tolist() == [chunk.count for chunk in EDGES]
    for number, chunk in enumerate(EDGES):
        if chunk.count <= LISTED:
            assert exactly(samples_of(decoded, number)) == exactly(chunk.samples), chunk.name


@pytest.mark.parametrize("chunk", [chunk for chunk in EDGES if chunk.count > LISTED], ids=lambda chunk: chunk.name)
def test_the_longest_chunks_are_read_to_their_last_sample(chunk: GoldenChunk) -> None:
    assert listed(samples_of(decode(*columns_of([chunk])), 0)) == exactly(chunk.samples)


def test_plain_python_reads_every_golden_chunk_as_prometheus_does() -> None:
    for chunk in (*EDGES, *read_golden_chunks()):
        if chunk.count <= LISTED:
            assert exactly(read_plain(chunk.encoding, chunk.data)) == exactly(chunk.samples), chunk.name


@pytest.mark.parametrize("chunk", [chunk for chunk in EDGES if is_written(chunk)], ids=lambda chunk: chunk.name)
def test_samples_are_written_in_the_bytes_of_prometheus(chunk: GoldenChunk) -> None:
    symbols = SymbolTable()
    columns, data = columns_of([chunk])
    found = decode_samples(columns, [data], symbols, ALL_TIME, RUNNING)
    labels = LabelRows.from_labels([Labels()], symbols)
    samples = Samples(labels, np.array([0, chunk.count]), found.timestamps_ms, found.values, found.histograms)
    if chunk.encoding == Encoding.XOR:
        encoded = encode_series(samples.row_start, samples.timestamps_ms, samples.values, samples_per_chunk=65_535)
        # Prometheus up to 2.x, as we, has one byte more behind writes of whole bytes; nobody reads it.
        assert encoded.data.tobytes() in (chunk.data, chunk.data + b"\0")
        return
    encoded = encode_samples(samples, samples_per_chunk=65_534)
    assert encoded.encoding.tolist() == [whole_encoding(chunk)]
    assert encoded.data.tobytes() == chunk.data or whole_encoding(chunk) != chunk.encoding
    again = decode_samples(encoded.columns(), [encoded.data], symbols, ALL_TIME, RUNNING)
    assert again.timestamps_ms.tolist() == found.timestamps_ms.tolist()
    assert again.values.tobytes() == found.values.tobytes()


def whole_encoding(chunk: GoldenChunk) -> int:
    """Return what we write: integers where all counts are whole."""
    values = [sample.histogram for sample in chunk.samples if sample.histogram is not None]
    counts = [count for value in values for count in (*value.positive.values(), value.count, value.zero_count)]
    return Encoding.HISTOGRAM if all(count == int(count) for count in counts) else Encoding.FLOAT_HISTOGRAM
