"""The series of the differential test: four hours, a sample every 15 s, never on a whole or half second.

Values are multiples of 1/8 and small, so that their sums are exact in any order; the counters that have gaps count from
far above what they grow by, so that no extrapolation ends at zero (see known.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.block_set import write_blocks
from promontory.model.clock import SystemClock
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import STALE_NAN_BITS, Samples
from promontory.model.symbols import SymbolTable

START_S = 1_700_006_400
SAMPLES = 960
INTERVAL_MS = 15_000
SEED = 42
STALE = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])
JOBS = ("api", "db", "web")
BOUNDS = ("0.125", "0.5", "1", "2.5", "10", "+Inf")

Values = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Metric:
    """What the grammar knows of a metric: `key` are labels that tell its series apart, `is_whole` means no gaps."""

    name: str
    labels: Mapping[str, tuple[str, ...]]
    key: frozenset[str]
    is_counter: bool = False
    is_whole: bool = True
    is_finite: bool = True


def _metric(name: str, key: str = "", **labels: str) -> tuple[str, dict[str, tuple[str, ...]], frozenset[str]]:
    values = {label: tuple(texts.split()) for label, texts in labels.items()}
    return name, values, frozenset(key.split() or values)


PLACE = {"job": "api db web", "instance": "0 1 2"}
METRICS = (
    Metric(*_metric("requests_total", **PLACE, method="get post", code="200 500"), is_counter=True),
    Metric(*_metric("errors_total", **PLACE, method="get post"), is_counter=True),
    Metric(*_metric("restarts_total", **PLACE), is_counter=True, is_whole=False),
    Metric(*_metric("load", **PLACE)),
    Metric(*_metric("limit", **PLACE)),
    Metric(*_metric("memory_bytes", **PLACE, region="east west", key="job instance")),
    Metric(*_metric("temperature", room="attic cellar hall", floor="0 1", key="room")),
    Metric(*_metric("owner", job="api db web", team="blue red", key="job")),
    Metric(*_metric("instance_info", **PLACE, version="1.0 1.1 2.0", key="job instance")),
    Metric(*_metric("flapping", **PLACE), is_whole=False),
    Metric(*_metric("gappy", job="api db web"), is_whole=False),
    Metric(*_metric("odd", kind="a b c d e", half="x y", key="kind"), is_finite=False),
    Metric(*_metric("zero", sign="minus plus mixed")),
    Metric(*_metric("latency_bucket", job="api db web", instance="0 1", le=" ".join(BOUNDS)), is_counter=True),
    Metric(*_metric("latency_sum", job="api db web", instance="0 1"), is_counter=True),
    Metric(*_metric("latency_count", job="api db web", instance="0 1"), is_counter=True),
)  # fmt: skip


def _counter(rng: np.random.Generator, *, first: float, resets: int, to: float = 0.0) -> Values:
    """Return a counter that falls to `to` (then to half of it, …) at each reset."""
    values = first + np.cumsum(rng.integers(0, 20, SAMPLES)).astype(float)
    for place in np.sort(rng.choice(np.arange(50, SAMPLES - 20), resets, replace=False)):
        values[place:] -= values[place] - to
        to = float(int(to) // 2)
    return values


def _places() -> Iterator[dict[str, str]]:
    for job, instance in product(JOBS, "012"):
        yield {"job": job, "instance": instance}


def _counters(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, str], Values]]:
    for place, method in product(_places(), ("get", "post")):
        for code in ("200", "500"):
            yield (
                "requests_total",
                {**place, "method": method, "code": code},
                _counter(rng, first=1e6, resets=1, to=4e5),
            )
        yield "errors_total", {**place, "method": method}, _counter(rng, first=0, resets=int(rng.integers(0, 9)))
    for place in _places():
        values = _counter(rng, first=1 << 24, resets=2, to=1 << 22)
        for _ in range(5):
            start = int(rng.integers(0, SAMPLES))
            values[start : start + int(rng.integers(1, 60))] = STALE if rng.random() < 0.5 else math.inf
        yield "restarts_total", place, values


def _gauges(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, str], Values]]:
    for number, place in enumerate(_places()):
        yield "load", place, rng.integers(0, 64, SAMPLES) / 8
        if place != {"job": "db", "instance": "2"}:
            yield "limit", place, np.repeat(rng.integers(1, 8, SAMPLES // 32), 32).astype(float)
        yield "memory_bytes", {**place, "region": ("east", "west")[number % 2]}, np.cumsum(
            rng.integers(-4096, 4096, SAMPLES)) * 4096.0 + 2.0**33  # fmt: skip
        yield "instance_info", {**place, "version": ("1.0", "1.1", "2.0")[number % 3]}, np.ones(SAMPLES)
    for number, room in enumerate(("attic", "cellar", "hall")):
        yield "temperature", {"room": room, "floor": "01"[number % 2]}, np.cumsum(rng.integers(-8, 9, SAMPLES)) / 8
    for job, team in (("api", "blue"), ("db", "red"), ("web", "blue")):
        yield "owner", {"job": job, "team": team}, np.full(SAMPLES, 2.0)
    # No 0 stands beside a -0: which of them is the greater depends on the order of series, which is not defined. No
    # mean is 0: 2.42, which adds each value's share of it, would come near it only.
    for sign, values in (("minus", [-0.0]), ("plus", [2.0, 0.25]), ("mixed", [-0.0, 1.0, -0.0, -0.5])):
        yield "zero", {"sign": sign}, np.resize(values, SAMPLES)


def _broken(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, str], Values]]:
    """Yield what ends, comes back, has gaps, and is no number. +Inf stands for "no sample" where a metric has gaps."""
    for number, place in enumerate(_places()):
        values = np.full(SAMPLES, math.inf)
        for start in range(17 * number, SAMPLES - 90, 130):
            values[start : start + 70] = rng.integers(-40, 400, 70) / 4
            values[start + 70] = STALE if number % 2 else math.inf
        yield "flapping", place, values
    for job in JOBS:
        values = np.cumsum(rng.integers(0, 9, SAMPLES)).astype(float)
        values[rng.random(SAMPLES) < 0.4] = math.inf
        yield "gappy", {"job": job}, values
    kinds = {"a": [math.nan, 1, 2], "b": [math.inf, -1], "c": [-math.inf, 3, 3, 4], "d": [math.nan], "e": [5, math.nan]}
    for kind, cycle in kinds.items():
        yield (
            "odd",
            {"kind": kind, "half": "xy"[kind in "bc"]},
            np.resize(np.repeat(np.array(cycle, float), 7), SAMPLES),
        )


def _histograms(rng: np.random.Generator) -> Iterator[tuple[str, dict[str, str], Values]]:
    for job, instance in product(JOBS, "01"):
        place = {"job": job, "instance": instance}
        seen = np.cumsum(rng.multinomial(9, [0.2, 0.3, 0.2, 0.1, 0.1, 0.1], SAMPLES), axis=0).cumsum(axis=1)
        for column, bound in enumerate(BOUNDS):
            yield "latency_bucket", {**place, "le": bound}, seen[:, column].astype(float)
        yield "latency_count", place, seen[:, -1].astype(float)
        yield "latency_sum", place, np.cumsum(rng.integers(0, 30, SAMPLES)) / 8


def _series() -> Iterator[tuple[Labels, NDArray[np.int64], Values]]:
    rng = np.random.default_rng(SEED)
    parts = (_counters(rng), _gauges(rng), _broken(rng), _histograms(rng))
    for number, (name, labels, values) in enumerate(one for part in parts for one in part):
        phase_ms = number * 7 % 15 * 1000 + 211
        times = START_S * 1000 + phase_ms + np.arange(SAMPLES) * INTERVAL_MS + rng.integers(0, 12, SAMPLES)
        has_gaps = name in ("restarts_total", "flapping", "gappy")
        kept = ~np.isposinf(values) if has_gaps else np.ones(SAMPLES, bool)
        yield Labels.from_mapping({"__name__": name, **labels}), times[kept], values[kept]


def write_data(directory: Path) -> None:
    """Write the series as a bucket of blocks with the external label replica="a"."""
    series = sorted(_series(), key=lambda one: one[0])
    samples = Samples(
        labels=LabelRows.from_labels([labels for labels, _, _ in series], SymbolTable()),
        row_start=np.cumsum([0, *(len(times) for _, times, _ in series)]).astype(np.int64),
        timestamps_ms=np.concatenate([times for _, times, _ in series]).astype(np.int64),
        values=np.concatenate([values for _, _, values in series]).astype(np.float64),
    )
    external = Labels.from_mapping({"replica": "a"})
    write_blocks(directory, [samples], clock=SystemClock(), external_labels=external, durable=False)
