"""Chunks of every encoding that Prometheus 3.14 writes, read back sample for sample; and bytes that lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import encode_series
from promontory.kernels import histogram_decode, xor2_decode
from promontory.model.frame import ChunkColumns, Encoding
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.testing.histogram_values import histogram_at
from tests.golden.chunks import GoldenChunk, GoldenSample, columns_of, read_golden_chunks

GOLDEN = read_golden_chunks()
RUNNING = np.zeros(1, np.uint8)


def decode(chunks: ChunkColumns, data: np.ndarray, time_range: TimeRange = ALL_TIME) -> DecodedChunks:
    return decode_samples(chunks, [data], SymbolTable(), time_range, RUNNING)


def samples_of(decoded: DecodedChunks, chunk: int) -> tuple[GoldenSample, ...]:
    found = []
    for place in range(int(decoded.chunk_start[chunk]), int(decoded.chunk_start[chunk + 1])):
        cells = decoded.histograms
        row = -1 if cells is None else int(cells.index[place])
        start_ms = 0 if decoded.start_ms is None else int(decoded.start_ms[place])
        bits = int(decoded.values.view(np.uint64)[place]) if row < 0 else None
        histogram = histogram_at(cells.table, row) if cells is not None and row >= 0 else None
        found.append(GoldenSample(int(decoded.timestamps_ms[place]), start_ms, bits, histogram))
    return tuple(found)


def test_every_encoding_is_read_as_prometheus_reads_it() -> None:
    decoded = decode(*columns_of(GOLDEN))
    assert {chunk.encoding for chunk in GOLDEN} == {2, 3, 4, 5, 6}
    assert set(decoded.status.tolist()) == {ChunkStatus.OK}
    for number, chunk in enumerate(GOLDEN):
        assert samples_of(decoded, number) == chunk.samples, chunk.name


def test_samples_are_trimmed_to_both_inclusive_ends() -> None:
    for chunk in GOLDEN[::7]:
        times = [sample.time_ms for sample in chunk.samples]
        low, high = len(times) // 3, (2 * len(times)) // 3
        decoded = decode(*columns_of([chunk]), TimeRange(times[low], times[high]))
        assert samples_of(decoded, 0) == chunk.samples[low : high + 1], chunk.name


def test_chunks_of_all_encodings_keep_their_places_among_each_other() -> None:
    floats = encode_series(np.array([0, 2], np.int64), np.array([5, 6]), np.array([1.0, 2.0]))
    chosen = GOLDEN[::40]
    columns, data = columns_of(chosen)
    plain = replace(floats.columns(), start=floats.start + len(data))
    joined = ChunkColumns(
        *(np.concatenate([getattr(columns, name), getattr(plain, name)]) for name in columns.__slots__)
    )
    order = np.random.default_rng(3).permutation(len(joined))
    decoded = decode(joined.take(order), np.concatenate([data, floats.data]))
    for place, number in enumerate(order):
        if number < len(chosen):
            assert samples_of(decoded, place) == chosen[number].samples
        else:
            assert [sample.bits for sample in samples_of(decoded, place)] == [0x3FF0 << 48, 0x4000 << 48]


@pytest.mark.parametrize("chunk", GOLDEN[::23], ids=lambda chunk: chunk.name)
def test_a_chunk_cut_anywhere_is_corrupt_and_never_read_past_its_end(chunk: GoldenChunk) -> None:
    for size in range(len(chunk.data)):
        decoded = decode(*columns_of([replace(chunk, data=chunk.data[:size])]))
        # The last byte may hold nothing but padding.
        if decoded.status[0] == ChunkStatus.OK:
            assert samples_of(decoded, 0) == chunk.samples
        else:
            assert decoded.status[0] == ChunkStatus.CORRUPT
            assert len(decoded.timestamps_ms) == 0


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOLDEN), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes_cost_the_chunk_its_samples_at_most(chunk: GoldenChunk, edits: list[tuple[int, int]]) -> None:
    data = bytearray(chunk.data)
    for place, octet in edits:
        data[place % len(data)] = octet
    good = GOLDEN[0]
    decoded = decode(*columns_of([good, replace(chunk, data=bytes(data)), good]))
    assert decoded.status[1] in (ChunkStatus.OK, ChunkStatus.CORRUPT)
    assert samples_of(decoded, 0) == samples_of(decoded, 2) == good.samples
    start, end = decoded.chunk_start[1:3]
    assert np.all(np.diff(decoded.timestamps_ms[start:end]) >= 0)
    if decoded.histograms is not None:
        table = decoded.histograms.table
        assert np.all(np.diff(table.bucket_start) >= 0)
        first = table.bucket_start[:-1][np.diff(table.bucket_start) > 0]
        rises = np.diff(table.bucket_key) > 0
        rises[first[1:] - 1] = True
        assert rises.all()


def test_an_unknown_encoding_is_named_so() -> None:
    decoded = decode(*columns_of([replace(GOLDEN[0], encoding=77)]))
    assert decoded.status.tolist() == [ChunkStatus.UNSUPPORTED]


def test_a_set_stop_flag_ends_the_work_and_says_so() -> None:
    columns, data = columns_of(GOLDEN)
    decoded = decode_samples(columns, [data], SymbolTable(), ALL_TIME, np.ones(1, np.uint8))
    assert set(decoded.status.tolist()) == {ChunkStatus.STOPPED}
    assert decoded.histograms is None
    assert len(decoded.timestamps_ms) == 0


def test_the_kernels_equal_their_plain_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    small = [chunk for chunk in GOLDEN if len(chunk.samples) <= 14][::5]
    columns, data = columns_of(small)
    expected = decode(columns, data)
    for module, names in (
        (histogram_decode, ("measure_chunks", "decode_histograms")),
        (xor2_decode, ("count_chunks", "decode_chunks")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).py_func)
    plain = decode(columns, data)
    assert [samples_of(plain, number) for number in range(len(small))] == [
        samples_of(expected, number) for number in range(len(small))
    ]


def test_the_encodings_of_the_model_are_those_of_the_kernels() -> None:
    assert (Encoding.XOR2, Encoding.HISTOGRAM) == (xor2_decode.XOR2, histogram_decode.HISTOGRAM)
    assert Encoding.FLOAT_HISTOGRAM_ST == histogram_decode.FLOAT_HISTOGRAM_ST
