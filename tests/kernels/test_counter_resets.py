"""Resets add to the increase of a window what walking through it adds, to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from promontory.kernels import counter_resets
from promontory.kernels.counter_resets import EXACT, FEW, are_whole, find_resets

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
COUNT = 400


def walk(values: Floats, low: Longs, high: Longs) -> list[float]:
    totals = []
    for first, end in zip(low.tolist(), high.tolist(), strict=True):
        total = values[end - 1] - values[first]
        for place in range(first + 1, end):
            if values[place] < values[place - 1]:
                total += values[place - 1]
        totals.append(float(total))
    return totals


def increases(values: Floats, low: Longs, high: Longs, *, compiled: bool, block: int) -> tuple[list[float], bool]:
    names = ("find_resets", "gather_falls", "bound_falls", "add_falls")
    kernels = [getattr(counter_resets, name) for name in names]
    find, gather, bound, add = kernels if compiled else [kernel.py_func for kernel in kernels]
    places, falls = np.zeros(len(values), np.int64), np.zeros(len(values) + 1)
    count = find(values, 0, len(values), places)
    exact = gather(values, 0, len(values), places, count, falls)
    out = values[high - 1] - values[low]
    reached = 0
    for base in range(0, len(low), block):
        part = slice(base, base + block)
        below, upto = np.zeros(len(low[part]), np.int64), np.zeros(len(low[part]), np.int64)
        reached = bound(places, count, reached, low[part], high[part], below, upto)
        add(exact, falls, below, upto, out[part])
    return out.tolist(), bool(exact)


ROWS = {
    "whole numbers": (lambda rng: rng.integers(0, 50, COUNT).astype(float), True),
    "whole numbers below zero": (lambda rng: rng.integers(-50, 50, COUNT).astype(float), True),
    "whole numbers so large that sums round": (lambda rng: np.floor(rng.random(COUNT) * EXACT / 3), False),
    "decimals": (lambda rng: np.round(rng.random(COUNT) * 100, 2), False),
    "huge and small": (lambda rng: rng.random(COUNT) * 10.0 ** rng.integers(-9, 300, COUNT), False),
    "infinities": (lambda rng: np.where(rng.random(COUNT) < 0.02, np.inf, rng.integers(0, 9, COUNT)), False),
    "minus zeros": (lambda rng: np.where(rng.random(COUNT) < 0.2, -0.0, rng.integers(-3, 3, COUNT)), False),
    "few resets": (lambda _: np.arange(COUNT) % 60 * 1.5, False),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("block", [1, 7, 256])
def test_the_digits_are_those_of_walking(name: str, block: int) -> None:
    make, whole = ROWS[name]
    values = make(np.random.default_rng(len(name)))
    low = np.sort(np.random.default_rng(1).integers(0, COUNT - 1, 57))
    high = np.minimum(low + 90, COUNT)
    with np.errstate(all="ignore"):
        walked = walk(values, low, high)
        for compiled in (True, False):
            found, exact = increases(values, low, high, compiled=compiled, block=block)
            assert exact == whole
            assert np.array(found).view(np.int64).tolist() == np.array(walked).view(np.int64).tolist()


def test_whole_numbers_are_told_from_others() -> None:
    for check in (are_whole, are_whole.py_func):
        assert check(np.array([0.0, -3.0, 7.0]), 0, 3, 7.0)
        assert check(np.empty(0), 0, 0, 0.0)
        assert not check(np.array([0.0, 8.0]), 0, 2, 7.0)
        for other in (0.5, -0.0, math.nan, math.inf, -math.inf):
            row = np.arange(600.0)
            row[555] = other
            assert check(row, 0, 555, 1000.0)
            assert not check(row, 0, 600, 1000.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan, math.inf]), max_size=40))
def test_resets_are_where_values_fall(row: list[float]) -> None:
    values = np.array(row)
    expected = [place for place in range(1, len(row)) if row[place] < row[place - 1]]
    for find in (find_resets, find_resets.py_func):
        places = np.zeros(len(row) + 1, np.int64)
        assert find(values, 0, len(row), places) == len(expected)
        assert places[: len(expected)].tolist() == expected
    assert FEW < COUNT / 2
