import numpy as np
import pytest

from promontory.kernels.index_write import (
    encode_chunk_entries,
    measure_uvarint,
    write_postings,
    write_postings_table,
    write_series,
    write_strings,
)

BLOB = np.frombuffer(b"ab" + b"x" * 200, np.uint8)
START = np.array([0, 0, 1, 2, 202], np.int64)


def both(kernel, make_arguments):
    """Call a kernel and its plain twin on fresh arguments; return what each gives, with the arrays as lists."""
    results = []
    for call in (kernel, kernel.py_func):
        arguments = make_arguments()
        returned = call(*arguments)
        arrays = [each.tolist() for each in arguments if isinstance(each, np.ndarray)]
        results.append((np.array(returned).tolist(), arrays))
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize("power", [0, 6, 7, 13, 14, 20, 21, 48, 49, 62, 63])
def test_a_varint_is_as_long_as_its_groups_of_seven_bits(power):
    for number in (2**power - 1, 2**power):
        length = max(1, -(-number.bit_length() // 7))
        assert measure_uvarint(number) == measure_uvarint.py_func(number) == length


def test_chunks_of_an_entry_are_written_as_differences():
    refs = np.array([8, 300, 8], np.int64)
    low, high = np.array([-5, 20, 7], np.int64), np.array([10, 20, 9], np.int64)
    end, arrays = both(
        encode_chunk_entries,
        lambda: (np.array([0, 2, 3], np.int64), low, high, refs, np.zeros(99, np.uint8), np.zeros(3, np.int64)),
    )
    assert end == -1
    assert arrays[5] == [0, 8, 12]
    assert bytes(arrays[4][:12]) == bytes.fromhex("02 09 0f 08 0a 00 c804  01 0e 02 08".replace(" ", ""))


@pytest.mark.parametrize(("low", "high"), [([0, 4], [5, 9]), ([0, 5], [5, 9]), ([0, 9], [5, 8])])
def test_chunks_that_overlap_or_end_before_they_begin_are_named(low, high):
    end, _ = both(
        encode_chunk_entries,
        lambda: (
            np.array([0, 2], np.int64), np.array(low, np.int64), np.array(high, np.int64), np.zeros(2, np.int64),
            np.zeros(99, np.uint8), np.zeros(2, np.int64),
        ),
    )  # fmt: skip
    assert end == 1


def test_series_begin_at_multiples_of_sixteen_and_say_so_in_their_refs():
    (end, largest), arrays = both(
        write_series,
        lambda: (
            np.array([0, 1, 3], np.int64), np.array([1, 1, 2], np.int32), np.array([2, 300, 1], np.int32),
            np.arange(40, dtype=np.uint8), np.array([0, 30, 40], np.int64), 0, 2, 37, np.zeros(200, np.uint8),
            np.zeros(2, np.int64),
        ),
    )  # fmt: skip
    assert arrays[-1] == [3, 6]
    out = bytes(arrays[-2])
    assert out[:11] == bytes(11)
    assert out[11:15] == bytes([33, 1, 1, 2])
    assert out[15:45] == bytes(range(30))
    assert out[96 - 37 :][:7] == bytes([16, 2, 1, 0xAC, 2, 2, 1])
    assert end == 96 - 37 + 1 + 16 + 4
    assert largest == 49


def test_strings_lists_and_table_are_the_same_from_both_twins():
    codes = np.array([0, 2, 3], np.int32)
    end, arrays = both(write_strings, lambda: (BLOB, START, codes, np.zeros(300, np.uint8)))
    assert bytes(arrays[-1][:end]) == b"\0\1b\xc8\1" + b"x" * 200
    refs = np.array([7, 8, 7], np.int64)
    end, arrays = both(
        write_postings,
        lambda: (np.array([0, 2, 3], np.int64), refs, 100, np.zeros(64, np.uint8), np.zeros(2, np.int64)),
    )
    assert end == 36
    assert arrays[-1] == [100, 120]
    assert bytes(arrays[-2][:16]) == bytes([0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8])
    name, value, offset = np.array([0, 1], np.int32), np.array([0, 2], np.int32), np.array([100, 120], np.int64)
    end, arrays = both(write_postings_table, lambda: (BLOB, START, name, value, offset, np.zeros(300, np.uint8)))
    assert bytes(arrays[-1][:end]) == b"\2\0\0\x64" + b"\2\1a\1b\x78"
