"""Native histograms as chunks: what Prometheus writes, byte for byte, and what went in comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode_samples import encode_samples
from promontory.kernels import histogram_cuts, histogram_encode
from promontory.model.frame import Encoding
from promontory.model.histograms import POSITIVE, HistogramCells, ResetHint
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import STALE_NAN_BITS, Samples
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of
from tests.chunk.test_decode_samples import samples_of as decoded_chunk
from tests.golden.chunks import GoldenChunk, columns_of, exactly, read_golden_chunks
from tests.golden.plain_chunks import read_plain

STALE = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])
RUNNING = np.zeros(1, np.uint8)
Value = HistogramValue | float


def samples_of(rows: list[list[Value]], symbols: SymbolTable) -> Samples:
    values = [value for row in rows for value in row]
    table = histograms_of([value for value in values if isinstance(value, HistogramValue)], symbols)
    held = np.array([isinstance(value, HistogramValue) for value in values], np.bool_)
    index = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
    return Samples(
        LabelRows.from_labels([Labels.from_mapping({"row": f"{number:03d}"}) for number in range(len(rows))], symbols),
        np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        np.concatenate([[0], np.cumsum(np.arange(len(values)) % 7 * 500)])[: len(values)].astype(np.int64),
        np.array([0.0 if isinstance(value, HistogramValue) else value for value in values]),
        HistogramCells(index, table) if held.any() else None,
    )


def values_of(decoded: DecodedChunks) -> list[HistogramValue | int]:
    cells = decoded.histograms
    index = np.full(len(decoded.values), -1) if cells is None else cells.index
    return [
        histogram_at(cells.table, int(row)) if cells is not None and row >= 0 else int(bits)
        for row, bits in zip(index, decoded.values.view(np.uint64), strict=True)
    ]


@pytest.mark.parametrize("chunk", read_golden_chunks(), ids=lambda chunk: chunk.name)
def test_samples_that_prometheus_wrote_come_back_whatever_they_were_encoded_as(chunk: GoldenChunk) -> None:
    symbols = SymbolTable()
    columns, data = columns_of([chunk])
    decoded = decode_samples(columns, [data], symbols, ALL_TIME, RUNNING)
    row_start = np.array([0, len(decoded.values)])
    labels = LabelRows.from_labels([Labels()], symbols)
    samples = Samples(labels, row_start, decoded.timestamps_ms, decoded.values, decoded.histograms)
    encoded = encode_samples(samples, samples_per_chunk=60_000)
    again = decode_samples(encoded.columns(), [encoded.data], symbols, ALL_TIME, RUNNING)
    assert set(again.status.tolist()) == {ChunkStatus.OK}
    assert set(encoded.encoding.tolist()) <= {Encoding.XOR, Encoding.HISTOGRAM, Encoding.FLOAT_HISTOGRAM}
    assert again.timestamps_ms.tolist() == decoded.timestamps_ms.tolist()
    assert values_of(again) == values_of(decoded)
    # Chunks of counters have no empty bucket, so their layout leaves no choice.
    if chunk.name.startswith(("histogram counter", "floathistogram counter")):
        assert encoded.data.tobytes() == chunk.data


counts = st.one_of(st.integers(1, 1000).map(float), st.floats(0.5, 1e6), st.just(2.0**53), st.just(1e300))
buckets = st.dictionaries(st.integers(-600, 600), counts, max_size=4)
histograms = st.builds(
    HistogramValue, schema=st.sampled_from([-4, 0, 8]), count=counts, sum=st.floats(allow_nan=False), zero_count=counts,
    zero_threshold=st.sampled_from([0.0, 2.0**-128, 0.001, -1.0, -0.25]), positive=buckets, negative=buckets,
    hint=st.sampled_from([ResetHint.UNKNOWN, ResetHint.RESET, ResetHint.GAUGE]),
) | st.builds(
    HistogramValue, schema=st.just(-53), count=counts, sum=st.floats(allow_nan=False),
    positive=st.dictionaries(st.integers(0, 2), counts),
    custom_values=st.sampled_from([(0.5, 1.0), (-1e9, 33554.43), (0.1 + 0.2, 7.0)]),
)  # fmt: skip
rows = st.lists(st.lists(histograms | st.floats(allow_nan=False) | st.just(STALE), min_size=1, max_size=8), max_size=4)


@settings(deadline=None, max_examples=150)
@given(rows, st.integers(1, 5))
def test_rows_of_floats_histograms_and_stale_markers_come_back(values: list[list[Value]], most: int) -> None:
    symbols = SymbolTable()
    samples = samples_of(values, symbols)
    encoded = encode_samples(samples, samples_per_chunk=most)
    decoded = decode_samples(encoded.columns(), [encoded.data], symbols, ALL_TIME, RUNNING)
    assert np.all(decoded.status == ChunkStatus.OK)
    assert decoded.chunk_start.tolist() == encoded.first.tolist()
    for found, value in zip(values_of(decoded), [value for row in values for value in row], strict=True):
        if isinstance(value, HistogramValue):
            assert isinstance(found, HistogramValue)
            assert found.hint in (ResetHint.GAUGE,) if value.hint is ResetHint.GAUGE else found.hint != ResetHint.GAUGE
            assert _bare(found) == _bare(value)
        else:
            assert found == np.float64(value).view(np.uint64)
    for number, (start, length) in enumerate(zip(encoded.start, encoded.length, strict=True)):
        plain = read_plain(int(encoded.encoding[number]), encoded.data[start : start + length].tobytes())
        assert exactly(plain) == exactly(decoded_chunk(decoded, number))
    starts = encoded.first[:-1]
    row_of_sample = np.repeat(np.arange(len(values)), [len(row) for row in values])
    assert encoded.row.tolist() == row_of_sample[starts].tolist()


def _bare(value: HistogramValue) -> tuple[object, ...]:
    return (
        value.schema, value.count, value.sum, value.zero_count, value.zero_threshold, dict(value.positive),
        dict(value.negative), value.custom_values,
    )  # fmt: skip


def test_a_counter_reset_begins_a_new_chunk_and_its_header_says_so() -> None:
    def histogram(count: float) -> HistogramValue:
        return HistogramValue(count=count, sum=1.0, positive={1: count})

    row: list[Value] = [histogram(5), histogram(7), histogram(3), histogram(4), histogram(5), histogram(6)]
    encoded = encode_samples(samples_of([row], SymbolTable()), samples_per_chunk=3)
    assert encoded.first.tolist() == [0, 2, 5, 6]
    headers = [int(encoded.data[start + 2]) for start in encoded.start]
    assert headers == [0x00, 0x80, 0x40]


def test_the_kernels_equal_their_plain_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[list[Value]] = [
        [HistogramValue(count=9, sum=1.5, positive={1: 4, 3: 5}), HistogramValue(count=9.5, positive={2: 9.5}), STALE],
        [1.0, HistogramValue(schema=-53, count=3, positive={0: 3}, custom_values=(0.25, 1e12)), 2.0],
        [HistogramValue(count=2, negative={-4: 1, 700: 1}), HistogramValue(count=4, negative={-4: 2, 7: 2})],
    ]
    expected = encode_samples(samples_of(values, SymbolTable()))
    for name in ("find_whole", "cut_chunks", "unite_keys"):
        monkeypatch.setattr(histogram_cuts, name, getattr(histogram_cuts, name).py_func)
    monkeypatch.setattr(histogram_encode, "encode_chunks", histogram_encode.encode_chunks.py_func)
    assert encode_samples(samples_of(values, SymbolTable())).data.tobytes() == expected.data.tobytes()


def test_keys_of_the_kernel_are_those_of_the_model() -> None:
    assert histogram_encode.POSITIVE == POSITIVE
