"""Makes the raw block of raw_downsampled.tar.gz; the 5 minutes and 1 hour beside it are Thanos' work.

    python -m tests.golden.make_raw_block FOLDER
    go run ./make_downsampled FOLDER/<ulid> FOLDER > /dev/null            see make_downsampled.go

Floats that rise, reset, jump, stand still, end and are no number, at steps of a second to a quarter of an hour; native
histograms that are counters and gauges, of integers and floats, with negative buckets, resets, sums that are no number,
stale markers and floats between them. Their schemas and zero thresholds do not change: Thanos loses windows then.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from promontory.model.histograms import ResetHint
from promontory.testing.histogram_values import HistogramValue
from tests.compaction.downsample.blocks import STALE, START_MS, Value, write_raw

Points = list[tuple[int, Value]]
LENGTHS = (1, 2, 3, 50, 400, 1500)
STEPS_MS = (1000, 15_000, 60_000, 300_000, 900_000)
BUCKETS = 6


def make_floats(random: np.random.Generator, kind: int) -> Points:
    """Return one series of floats."""
    count, step_ms = int(random.choice(LENGTHS)), int(random.choice(STEPS_MS))
    gaps = random.integers(1, 2 * step_ms, count) if kind % 2 else np.full(count, step_ms)
    times = START_MS + int(random.integers(0, 600_000)) + np.cumsum(gaps)
    values = np.cumsum(random.integers(0, 50, count)).astype(float)
    if kind == 1:
        for place in random.integers(0, count, 3):
            values[place:] -= values[place]
    elif kind == 2:
        values = np.cumsum(random.random(count))
    elif kind == 3:
        values = random.normal(size=count) * 1000
    elif kind == 4:
        values = np.where(random.random(count) < 0.1, np.nan, random.normal(size=count))
    elif kind == 5:
        values = np.where(random.random(count) < 0.1, STALE, random.random(count))
    elif kind == 6:
        values = np.where(random.random(count) < 0.05, random.choice([0.0, -0.0, 1e300, 5e-324], count), 1.5)
    return list(zip(times.tolist(), values.tolist(), strict=True))


def make_histograms(random: np.random.Generator, kind: str) -> Points:
    """Return one series of native histograms."""
    count, step_ms = int(random.choice(LENGTHS[2:])), int(random.choice(STEPS_MS[1:3]))
    first_ms = START_MS + int(random.integers(0, 600_000))
    keys = sorted(random.choice(np.arange(-20, 40), BUCKETS, replace=False).tolist())
    held, below, zeros = np.zeros(BUCKETS), np.zeros(2), 0.0
    points: Points = []
    for number in range(count):
        reset = random.random() < 0.01
        if kind == "gauge":
            held = random.integers(0, 100, BUCKETS) * (random.random(BUCKETS) < 0.7).astype(float)
            below, zeros = random.integers(0, 9, 2).astype(float), float(random.integers(0, 5))
        elif reset:
            held, below, zeros = np.zeros(BUCKETS), np.zeros(2), 0.0
        else:
            more = random.integers(0, 5, BUCKETS) * (random.random(BUCKETS) < 0.5)
            held = held + more * (random.random(BUCKETS) if kind == "float" else 1.0)
            below, zeros = below + random.integers(0, 2, 2), zeros + float(random.integers(0, 2))
        value_sum = float("nan") if random.random() < 0.02 and not reset else float(random.normal()) * 100
        value: Value = HistogramValue(
            schema=3, count=float(held.sum() + below.sum() + zeros), sum=value_sum, zero_count=zeros,
            zero_threshold=1e-3, positive=dict(zip(keys, held.tolist(), strict=True)),
            negative={0: float(below[0]), 5: float(below[1])},
            hint=ResetHint.GAUGE if kind == "gauge" else ResetHint.UNKNOWN,
        )  # fmt: skip
        if kind == "mixed" and number // 90 % 3 == 1:
            value = float(random.integers(0, 100))
        elif kind == "stale" and random.random() < 0.05:
            value = STALE
        points.append((first_ms + number * step_ms, value))
    return points


def main() -> None:
    """Write the block."""
    random = np.random.default_rng(20_260_801)
    series = {f"float_{number:02d}": make_floats(random, number % 7) for number in range(28)}
    for number, kind in enumerate(("counter", "gauge", "float", "mixed", "stale") * 2):
        series[f"histogram_{number:02d}"] = make_histograms(random, kind)
    sys.stdout.write(f"{write_raw(Path(sys.argv[1]), series)}\n")


if __name__ == "__main__":
    main()
