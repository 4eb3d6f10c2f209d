"""Histograms of the comparison, both kinds: what 200 instances count of the lengths of their requests.

Classic: ten `le` buckets an instance, cumulative over le and time. Native: thirty populated buckets of schema 3. The
buckets of one scrape share its timestamp.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from promontory.model.histograms import POSITIVE, HistogramCells, Histograms
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.bench.data import INTERVAL_S, SEED, START_S, GeneratedSeries

INSTANCES = 200
CLASSIC = "http_request_duration_seconds_bucket"
NATIVE = "rpc_duration_seconds"
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
EVENTS = (0.2, 0.4, 1.1, 2.3, 3.7, 2.6, 1.4, 0.7, 0.3, 0.05)
BUCKETS = 30


def classic_buckets(samples: int) -> Iterator[GeneratedSeries]:
    """Yield INSTANCES x 10 series, the buckets of an instance together."""
    random = np.random.default_rng(SEED + 2)
    for number in range(INSTANCES):
        times = scrape_times(random, samples)
        events = random.poisson(EVENTS, (samples, len(EVENTS)))
        counts = np.cumsum(np.cumsum(events, axis=0), axis=1).astype(float)
        for place, bound in enumerate(BOUNDS):
            yield GeneratedSeries(
                Labels.from_mapping({**_labels(CLASSIC, number), "le": bound}), times, counts[:, place]
            )


def native_histograms(samples: int, *, batch: int = 20) -> Iterator[Samples]:
    """Yield INSTANCES series in label order, `batch` at a time."""
    random = np.random.default_rng(SEED + 3)
    rows = sorted(Labels.from_mapping(_labels(NATIVE, number)) for number in range(INSTANCES))
    for first in range(0, INSTANCES, batch):
        symbols = SymbolTable()
        part = rows[first : first + batch]
        times = np.concatenate([scrape_times(random, samples) for _ in part])
        counts = np.cumsum(random.poisson(0.5, (len(part), samples, BUCKETS)), axis=1) + 1.0
        size = len(times)
        table = _table(counts.reshape(size, BUCKETS), symbols)
        yield Samples(
            LabelRows.from_labels(part, symbols), np.arange(len(part) + 1) * samples, times, np.zeros(size),
            HistogramCells(np.arange(size, dtype=np.int32), table),
        )  # fmt: skip


def scrape_times(random: np.random.Generator, samples: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return int64[samples]: the grid with 0-11 ms of jitter."""
    grid_ms = (START_S + INTERVAL_S * np.arange(samples, dtype=np.int64)) * 1000
    return grid_ms + random.integers(0, 12, samples)


def _table(counts: np.ndarray[tuple[int, int], np.dtype[np.float64]], symbols: SymbolTable) -> Histograms:
    size = len(counts)
    keys = POSITIVE + np.arange(BUCKETS, dtype=np.int32) - BUCKETS // 2
    total = counts.sum(axis=1)
    return Histograms(
        schema=np.full(size, 3, np.int8), hint=np.zeros(size, np.uint8), bounds=np.zeros(size, np.int32),
        zero_threshold=np.full(size, 2.0**-128), zero_count=np.zeros(size), count=total, sum=total * 0.137,
        bucket_start=np.arange(size + 1) * BUCKETS, bucket_key=np.tile(keys, size), bucket_count=counts.ravel(),
        symbols=symbols,
    )  # fmt: skip


def _labels(name: str, number: int) -> dict[str, str]:
    return {"__name__": name, "instance": f"10.1.{number // 50}.{number % 50}:9100", "job": f"job{number % 7}"}
