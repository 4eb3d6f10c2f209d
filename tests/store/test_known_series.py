"""What is kept of block indexes."""

from __future__ import annotations

import numpy as np

from promontory.store.known_series import KnownSeries, KnownSeriesCache


def entry(size: int) -> KnownSeries:
    longs, codes = np.zeros(0, np.int64), np.zeros(0, np.int32)
    return KnownSeries(
        np.zeros(size, np.uint8), longs, longs, longs, codes, codes, codes, codes, longs, longs, longs, longs
    )


def test_what_was_not_used_for_longest_makes_room() -> None:
    cache = KnownSeriesCache(limit_bytes=3 * entry(10_000).resident_bytes)
    for key in "abc":
        cache.keep(key, entry(10_000))
    assert cache.find("a") is not None
    cache.keep("d", entry(10_000))
    assert [key for key in "abcd" if cache.find(key) is not None] == ["a", "c", "d"]
    assert cache.held_bytes == 3 * entry(10_000).resident_bytes


def test_an_entry_that_is_kept_again_counts_once() -> None:
    cache = KnownSeriesCache()
    cache.keep("a", entry(10))
    cache.keep("a", entry(20))
    assert len(cache) == 1
    assert cache.held_bytes == entry(20).resident_bytes


def test_what_is_larger_than_all_that_may_be_kept_is_not() -> None:
    cache = KnownSeriesCache(limit_bytes=100)
    cache.keep("a", entry(1_000))
    assert len(cache) == 0
    assert cache.held_bytes == 0
