import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.crc32c import crc32c, step_by_tables, step_crc32c

# RFC 3720 appendix B.4, and the usual check value of "123456789".
VECTORS = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"123456789", 0xE3069283),
    (b"", 0),
]


@pytest.mark.parametrize(("data", "expected"), VECTORS)
def test_the_published_vectors_come_out(data, expected):
    octets = np.frombuffer(data, np.uint8)
    assert crc32c(octets, 0, len(data)) == expected
    assert crc32c.py_func(octets, 0, len(data)) == expected


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), start=st.integers(0, 60), size=st.integers(0, 60))
def test_the_kernel_equals_its_plain_twin_on_any_part(data, start, size):
    octets = np.frombuffer(data, np.uint8)
    start = min(start, len(data))
    end = min(start + size, len(data))
    assert crc32c(octets, start, end) == crc32c.py_func(octets, start, end)


@settings(max_examples=60, deadline=None)
@given(register=st.integers(0, 2**32 - 1), word=st.integers(0, 2**64 - 1))
def test_machines_without_the_instruction_take_the_same_step(register, word):
    assert step_by_tables(register, word) == step_crc32c(register, word)
