import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.xor_decode import CORRUPT, OK, PADDING, count_claimed, decode_chunk
from promontory.kernels.xor_encode import HEAD_ROOM, SAMPLE_ROOM, encode_chunk
from promontory.model.samples import STALE_NAN_BITS

EDGE_VALUES = [0, 1 << 63, STALE_NAN_BITS, 0x7FF8000000000001, 0x7FF0000000000000, 0xFFF0000000000000, 2**64 - 1]
SAMPLES = st.lists(
    st.tuples(
        st.one_of(st.just(15_000), st.integers(1, 2**15), st.integers(1, 2**21), st.integers(1, 2**45)),
        st.one_of(st.just(None), st.sampled_from(EDGE_VALUES), st.integers(0, 2**64 - 1)),
    ),
    min_size=1,
    max_size=40,
)


def columns_of(samples, first_time=1_700_000_000_000):
    times = first_time + np.cumsum([0] + [delta for delta, _ in samples[1:]], dtype=np.int64)
    values, last = [], 0
    for _, value in samples:
        last = last if value is None else value
        values.append(last)
    return times, np.array(values, np.uint64)


def encode(times, values, call=encode_chunk):
    out = np.zeros(HEAD_ROOM + SAMPLE_ROOM * len(times), np.uint8)
    return bytes(out[: call(times, values, 0, len(times), out, 0)])


def decode(payload, count, call=decode_chunk, filler=b"\xa5"):
    data = np.frombuffer(payload + filler * PADDING, np.uint8)
    times, values = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    return call(data, 0, len(payload), count, times, values, 0), times, values


@settings(max_examples=60, deadline=None)
@given(samples=SAMPLES, first_time=st.sampled_from([0, -1, 1_700_000_000_000, -(2**62)]))
def test_samples_come_back_bit_for_bit_from_machine_code_and_from_the_plain_twin(samples, first_time):
    times, values = columns_of(samples, first_time)
    payload = encode(times, values)
    assert payload == encode(times, values, encode_chunk.py_func)
    for call in (decode_chunk, decode_chunk.py_func):
        status, got_times, got_values = decode(payload, len(times), call)
        assert status == OK
        assert got_times.tolist() == times.tolist()
        assert got_values.tolist() == values.tolist()


@settings(max_examples=80, deadline=None)
@given(samples=SAMPLES, data=st.data())
def test_a_changed_or_cut_chunk_gives_a_status_and_both_twins_agree_on_it(samples, data):
    times, values = columns_of(samples)
    payload = bytearray(encode(times, values))
    flip = data.draw(st.integers(16, 8 * len(payload) - 1))
    payload[flip >> 3] ^= 0x80 >> (flip & 7)
    cut = bytes(payload[: data.draw(st.integers(11, len(payload)))])
    fast = decode(cut, len(times))
    plain = decode(cut, len(times), decode_chunk.py_func)
    assert fast[0] == plain[0]
    assert fast[0] in (OK, CORRUPT)
    if fast[0] == OK:
        assert fast[1].tolist() == plain[1].tolist()
        assert fast[2].tolist() == plain[2].tolist()


@pytest.mark.parametrize("call", [decode_chunk, decode_chunk.py_func])
def test_bytes_after_the_end_of_a_chunk_do_not_change_what_it_says(call):
    times, values = columns_of([(15_000 + i % 7, i * 0x1234567) for i in range(30)])
    payload = encode(times, values)
    for filler in (b"\0", b"\xff"):
        assert decode(payload, 30, call, filler)[0] == OK
        assert decode(payload[:-1], 30, call, filler)[0] == CORRUPT


@pytest.mark.parametrize("call", [decode_chunk, decode_chunk.py_func])
def test_a_chunk_whose_time_goes_back_is_corrupt_and_equal_times_are_not(call):
    values = np.array([1, 2, 3, 4], np.uint64)
    for last, expected in ((3000, OK), (2000, OK), (1999, CORRUPT)):
        payload = encode(np.array([0, 1000, 2000, last], np.int64), values)
        assert decode(payload, 4, call)[0] == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", -1),
        (b"\0", -1),
        (b"\0\0", 0),
        (b"\0\1" + bytes(8), -1),
        (b"\0\1" + bytes(9), 1),
        (b"\0\2" + bytes(10), -1),
        (b"\0\2" + bytes(11), 2),
        (b"\xff\xff" + bytes(18), -1),
        (b"\xff\xff" + bytes(16_400), 65_535),
    ],
)
@pytest.mark.parametrize("call", [count_claimed, count_claimed.py_func])
def test_a_claim_of_samples_that_the_bytes_cannot_hold_is_refused(call, payload, expected):
    data = np.frombuffer(payload, np.uint8)
    assert call(data, 0, len(data)) == expected


@pytest.mark.parametrize("call", [decode_chunk, decode_chunk.py_func])
def test_times_that_overflow_and_come_round_again_are_bad(call):
    times = np.array([0, 2**63 - 1, -2, 8], np.int64)
    assert decode(encode(times, np.zeros(4, np.uint64)), 4, call)[0] == CORRUPT


@pytest.mark.parametrize("call", [decode_chunk, decode_chunk.py_func])
def test_times_from_one_end_of_int64_to_the_other_are_good(call):
    times = np.array([-(2**63), -1, 2**62, 2**63 - 1], np.int64)
    status, got, _ = decode(encode(times, np.zeros(4, np.uint64)), 4, call)
    assert (status, got.tolist()) == (OK, times.tolist())
