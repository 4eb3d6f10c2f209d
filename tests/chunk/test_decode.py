import numpy as np
import pytest

from promontory.chunk.decode import ChunkStatus, decode_chunks
from promontory.chunk.encode import encode_series
from promontory.model.frame import ChunkColumns, Encoding

START_MS = 1_700_000_000_000


@pytest.fixture
def samples():
    rng = np.random.default_rng(5)
    row_start = np.array([0, 500, 500, 501, 1000], np.int64)
    timestamps_ms = START_MS + np.arange(1000) * 15_000 + rng.integers(0, 12, 1000)
    return row_start, timestamps_ms, np.round(rng.normal(50, 3, 1000), 2)


@pytest.fixture
def encoded(samples):
    return encode_series(*samples)


def split(encoded):
    """Return each chunk in a buffer of its own, without a byte after it."""
    chunks = encoded.columns()
    buffers = [encoded.data[s : s + n].copy() for s, n in zip(encoded.start, encoded.length, strict=True)]
    columns = {name: getattr(chunks, name) for name in ChunkColumns.__slots__}
    columns["buffer"] = np.arange(len(chunks), dtype=np.int32)
    columns["start"] = np.zeros(len(chunks), np.int64)
    return ChunkColumns(**columns), buffers


def test_all_samples_come_back_in_the_order_of_the_chunks(samples, encoded):
    decoded = decode_chunks(encoded.columns(), [encoded.data])
    assert np.array_equal(decoded.timestamps_ms, samples[1])
    assert np.array_equal(decoded.values, samples[2])
    assert np.array_equal(np.diff(decoded.chunk_start), encoded.sample_count)
    assert not decoded.status.any()


def test_a_chunk_that_ends_its_buffer_is_read_without_a_byte_beyond(samples, encoded):
    chunks, buffers = split(encoded)
    decoded = decode_chunks(chunks, buffers)
    assert np.array_equal(decoded.timestamps_ms, samples[1])
    assert np.array_equal(decoded.values, samples[2])


def test_chunks_of_many_buffers_decode_in_any_order(encoded):
    chunks, buffers = split(encoded)
    order = np.arange(len(chunks))[::-1].copy()
    decoded = decode_chunks(chunks.take(order), buffers)
    assert np.array_equal(np.diff(decoded.chunk_start), encoded.sample_count[::-1])
    assert decoded.timestamps_ms[0] == encoded.min_ms[-1]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (130, 470), (130, 130), (0, 999), (119, 120), (999, 999), (240, 359)]
)
def test_samples_are_trimmed_to_both_inclusive_ends(samples, encoded, low, high):
    _, timestamps_ms, values = samples
    decoded = decode_chunks(
        encoded.columns(), [encoded.data], min_ms=int(timestamps_ms[low]), max_ms=int(timestamps_ms[high])
    )
    assert np.array_equal(decoded.timestamps_ms, timestamps_ms[low : high + 1])
    assert np.array_equal(decoded.values, values[low : high + 1])
    assert decoded.chunk_start[-1] == high + 1 - low


def test_a_bad_chunk_costs_only_its_own_samples(samples, encoded):
    data = encoded.data.copy()
    data[encoded.start[2] : encoded.start[2] + 2] = 0xFF
    chunks = encoded.columns()
    chunks.encoding[3] = Encoding.HISTOGRAM
    chunks.length[4] = len(data)
    decoded = decode_chunks(chunks, [data])
    statuses = [ChunkStatus(status) for status in decoded.status]
    assert statuses[2:5] == [ChunkStatus.CORRUPT, ChunkStatus.UNSUPPORTED, ChunkStatus.CORRUPT]
    assert set(statuses[:2] + statuses[5:]) == {ChunkStatus.OK}
    assert np.diff(decoded.chunk_start)[2:5].tolist() == [0, 0, 0]
    assert np.array_equal(decoded.timestamps_ms[:240], samples[1][:240])


def test_a_set_stop_flag_ends_the_work_and_says_so(encoded):
    decoded = decode_chunks(encoded.columns(), [encoded.data], stop=np.ones(1, np.uint8))
    assert len(decoded.timestamps_ms) == 0
    assert set(decoded.status.tolist()) == {ChunkStatus.STOPPED}


def test_no_chunks_and_no_buffers_are_no_samples():
    decoded = decode_chunks(ChunkColumns.empty(), [])
    assert len(decoded) == 0
    assert decoded.chunk_start.tolist() == [0]
