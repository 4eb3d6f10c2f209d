"""A length that is known is that of the text."""

import math

import numpy as np
import pytest

from promontory.kernels.digits import OVERRUN_BYTES
from promontory.kernels.json import write_rows
from promontory.kernels.json_size import UNKNOWN, measure_samples
from promontory.kernels.shortest import powers_of_ten

KEY = np.frombuffer(b'{"metric":,"values":', np.uint8)
FRAME_BYTES = len(KEY) + len("{}[]},") - len(",")


def written_bytes(times_ms: np.ndarray, values: np.ndarray) -> int:
    out = np.empty(100 + 60 * len(values) + OVERRUN_BYTES, np.uint8)
    labels = np.frombuffer(b"{}", np.uint8), np.array([0, 2], np.int64)
    size = write_rows(
        KEY, *labels, np.array([0, len(values)], np.int64), times_ms, values, values.view(np.uint64), powers_of_ten(),
        1, out,
    )  # fmt: skip
    return size - FRAME_BYTES


def measured(times_ms: np.ndarray, values: np.ndarray) -> int:
    found = measure_samples(times_ms, values, values.view(np.uint64))
    if len(values) < 100:
        assert found == measure_samples.py_func(times_ms, values, values.view(np.uint64))
    return found


EDGES = [
    0.0, -0.0, 1.0, -1.0, 9.0, 10.0, 99.0, 100.0, 2.0**53 - 1, math.nan, math.inf, -math.inf, 0.5, -0.25, 0.125, 0.001,
    99.99, 100.01, 999_999_999_999.5, 4.35, 1e15,
]  # fmt: skip


@pytest.mark.parametrize("value", [*EDGES, *(10.0**power for power in range(16)), *(10.0**p - 1 for p in range(16))])
def test_a_length_that_is_known_is_that_of_the_text(value: float) -> None:
    for time_ms in (0, 1, 999, 1000, 9_999_999, 1795225128500, 1795225129000, 10**15 - 1, 10**15, 10**17 - 1):
        times_ms, values = np.array([time_ms], np.int64), np.array([value])
        assert measured(times_ms, values) == written_bytes(times_ms, values)


@pytest.mark.parametrize("value", [1 / 3, 1e-4, 1.0001, 2.0**53, 1e12 + 0.5, 1e300, 5e-324])
def test_a_length_that_takes_a_search_is_unknown(value: float) -> None:
    assert measured(np.array([5, 6], np.int64), np.array([1.0, value])) == UNKNOWN


@pytest.mark.parametrize("time_ms", [-1, 10**17])
def test_the_length_of_an_odd_time_is_unknown(time_ms: int) -> None:
    assert measured(np.array([5, time_ms], np.int64), np.array([1.0, 2.0])) == UNKNOWN


def test_many_lengths_add_up() -> None:
    random = np.random.default_rng(11)
    count = 20_000
    times_ms = np.concatenate([random.integers(0, 10 ** int(power), count) for power in (3, 8, 13, 16)])
    values = np.concatenate(
        [
            random.integers(0, 10**6, count) / 1000, random.integers(-(2**53), 2**53, count).astype(float),
            np.cumsum(random.integers(0, 50, count)).astype(float), np.round(random.uniform(-1e6, 1e6, count), 2),
        ]
    )  # fmt: skip
    random.shuffle(times_ms)
    assert measured(times_ms, values) == written_bytes(times_ms, values)
