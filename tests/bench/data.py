"""The peers' comparison data: series with 0-11 ms scrape jitter, as columns.

Half are counters (Poisson 20 an interval), a fifth sparse counters, a fifth two-decimal gauges, a tenth constants.
The same families, labels, distributions and random stream as the data that peers were measured with. `second_replica`
is what the other Prometheus of an HA pair saw of a counter: scraped some seconds later, without a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.labels import Labels

START_S = 1700006400
INTERVAL_S = 15
FAMILIES = (
    ("http_requests_total", 0.5),
    ("lat_bucket_total", 0.2),
    ("temp_ratio", 0.2),
    ("conf_info", 0.1),
)
CODES = ("200", "404", "500", "503", "301")
SEED = 7
SAMPLES = 5760
REPLICA_SHIFT_MS = 4000


@dataclass(frozen=True, slots=True)
class GeneratedSeries:
    """One series: timestamps int64[m] in ms, values float64[m]."""

    labels: Labels
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]


def generate(*, series: int, samples: int, jitter: bool = True) -> Iterator[GeneratedSeries]:
    """Yield the series in the order of the generator."""
    random = np.random.default_rng(SEED)
    grid_ms = (START_S + INTERVAL_S * np.arange(samples, dtype=np.int64)) * 1000
    for family, share in FAMILIES:
        for number in range(int(series * share)):
            values = _values(random, family, number, samples)
            shift = random.integers(0, 12, samples)
            labels = Labels.from_mapping(
                {
                    "__name__": family,
                    "instance": f"10.0.{number // 50}.{number % 50}:9100",
                    "job": f"job{number % 7}",
                    "pod": f"app-{number // 10}",
                    "code": CODES[number % 5],
                }
            )
            yield GeneratedSeries(labels, grid_ms + shift if jitter else grid_ms, values)


def second_replica(series: Iterable[GeneratedSeries]) -> Iterator[GeneratedSeries]:
    """Yield each counter as seen REPLICA_SHIFT_MS later, when a part of the next interval's events had come."""
    random = np.random.default_rng(SEED + 1)
    share = REPLICA_SHIFT_MS / (INTERVAL_S * 1000)
    for one in series:
        coming = np.diff(one.values, append=one.values[-1] + 20).astype(np.int64)
        values = one.values + random.binomial(coming, share)
        shift = random.integers(0, 12, len(values))
        yield GeneratedSeries(one.labels, one.timestamps_ms // 1000 * 1000 + REPLICA_SHIFT_MS + shift, values)


def _values(random: np.random.Generator, family: str, number: int, samples: int) -> NDArray[np.float64]:
    if family == "http_requests_total":
        return np.cumsum(random.poisson(20, samples)).astype(float)
    if family == "lat_bucket_total":
        return np.cumsum(random.poisson(0.3, samples)).astype(float)
    if family == "temp_ratio":
        return np.round(50 + np.cumsum(random.normal(0, 0.3, samples)), 2)
    return np.full(samples, float(number % 3 + 1))
