import numpy as np
import pytest

from promontory.kernels.xor_encode import HEAD_ROOM, SAMPLE_ROOM, choose_delta_field, encode_chunk, encode_chunks

BOTH = pytest.mark.parametrize("call", [encode_chunk, encode_chunk.py_func])


def encode(call, times, values):
    out = np.zeros(HEAD_ROOM + SAMPLE_ROOM * len(times), np.uint8)
    columns = np.array(times, np.int64), np.array(values, np.float64).view(np.uint64)
    return bytes(out[: call(*columns, 0, len(times), out, 0)])


@BOTH
def test_chunks_of_none_and_of_one_sample_are_only_a_head(call):
    assert encode(call, [], []) == b"\0\0"
    assert encode(call, [-1], [1.0]) == bytes.fromhex("0001 01 3ff0000000000000 00")


@BOTH
def test_an_unchanged_series_takes_two_bits_a_sample(call):
    # Delta 15,000 as a varint, then a zero bit for the second value and two for each of the later samples.
    assert encode(call, [0, 15_000, 30_000, 45_000, 60_000], [1.0] * 5) == bytes.fromhex(
        "0005 00 3ff0000000000000 9875 00"
    )


@BOTH
def test_values_open_a_window_and_reuse_it(call):
    # 1 -> 2 -> 1: the bits differ in a window of 11 after one zero; then '0' for the delta, '10' and the same bits.
    expected = "11" + "00001" + "001011" + "1" * 11 + "0" + "10" + "1" * 11
    bits = encode(call, [0, 1, 2], [1.0, 2.0, 1.0])[12:]
    assert "".join(f"{octet:08b}" for octet in bits) == expected.ljust(40, "0")


@BOTH
def test_whole_bytes_that_end_at_a_border_leave_prometheus_open_byte(call):
    window = np.array([0, 0x0000FFFFFFFFFFFF, 0], np.uint64).view(np.float64)
    expected = "11" + "10000" + "110000" + "1" * 48 + "0" + "10" + "1" * 48 + "0" * 8
    bits = encode(call, [0, 1, 2], window)[12:]
    assert "".join(f"{octet:08b}" for octet in bits) == expected


@pytest.mark.parametrize(
    ("change", "bits"),
    [(0, 1), (1, 16), (8192, 16), (-8191, 16), (8193, 20), (-8192, 20), (65536, 20), (-65535, 20), (65537, 24),
     (524288, 24), (-524287, 24), (524289, 0), (-524288, 0)],
)  # fmt: skip
def test_each_delta_of_delta_takes_prometheus_own_size(change, bits):
    assert choose_delta_field(change)[1] == bits
    assert tuple(choose_delta_field(change)) == choose_delta_field.py_func(change)


def test_chunks_follow_each_other_in_one_buffer():
    times = np.arange(7, dtype=np.int64)
    values = np.arange(7, dtype=np.float64).view(np.uint64)
    results = []
    for call in (encode_chunks, encode_chunks.py_func):
        out = np.zeros(3 * HEAD_ROOM + 7 * SAMPLE_ROOM, np.uint8)
        position = np.zeros(4, np.int64)
        call(times, values, np.array([0, 3, 4, 7], np.int64), out, position)
        results.append((position.tolist(), bytes(out[: position[-1]])))
    assert results[0] == results[1]
    position, written = results[0]
    assert written[position[1] : position[2]][:2] == b"\0\1"
