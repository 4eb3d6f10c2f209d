import numpy as np
import pytest

from promontory.chunk.decode import decode_chunks
from promontory.chunk.encode import cut_rows, encode_cuts, encode_series
from promontory.model.frame import Aggregate
from promontory.model.samples import STALE_NAN_BITS


def test_rows_are_cut_every_so_many_samples_and_empty_rows_leave_no_chunk():
    row, chunk_start = cut_rows(np.array([0, 5, 5, 6, 8], np.int64), samples_per_chunk=2)
    assert row.tolist() == [0, 0, 0, 2, 3]
    assert chunk_start.tolist() == [0, 2, 4, 5, 6, 8]


def test_chunks_name_their_row_time_range_and_size():
    times = np.array([10, 20, 30, 5], np.int64)
    encoded = encode_series(np.array([0, 3, 4], np.int64), times, np.ones(4), samples_per_chunk=2)
    assert encoded.row.tolist() == [0, 0, 1]
    assert encoded.min_ms.tolist() == [10, 30, 5]
    assert encoded.max_ms.tolist() == [20, 30, 5]
    assert encoded.sample_count.tolist() == [2, 1, 1]
    assert encoded.start.tolist() == np.cumsum([0, *encoded.length[:-1]]).tolist()
    assert len(encoded.data) == encoded.length.sum()
    assert set(encoded.columns(aggregate=Aggregate.SUM, source=7).source.tolist()) == {7}


@pytest.mark.parametrize("bits", [STALE_NAN_BITS, 0x7FF8000000000001, 0x7FF0000000000000, 0xFFF0000000000000, 1 << 63])
def test_nan_payloads_infinities_and_minus_zero_survive_bit_for_bit(bits):
    values = np.array([0x3FF0000000000000, bits, 0x3FF0000000000000, bits, bits], np.uint64).view(np.float64)
    encoded = encode_series(np.array([0, 5], np.int64), np.arange(5, dtype=np.int64), values)
    decoded = decode_chunks(encoded.columns(), [encoded.data])
    assert np.array_equal(decoded.values.view(np.uint64), values.view(np.uint64))


def test_chunks_of_the_callers_own_boundaries_are_kept():
    times = np.arange(10, dtype=np.int64)
    encoded = encode_cuts(np.zeros(3, np.int32), np.array([0, 1, 7, 10], np.int64), times, np.arange(10.0))
    assert encoded.sample_count.tolist() == [1, 6, 3]


def test_no_samples_are_no_chunks():
    encoded = encode_series(np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))
    assert len(encoded) == 0
    assert len(encoded.data) == 0
