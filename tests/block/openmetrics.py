"""Series whose samples meet every corner of the chunk format, as arrays and as OpenMetrics lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable

START_MS = 1_700_006_400_000
SPECIAL = [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1]


@dataclass(frozen=True)
class MadeSeries:
    labels: Labels
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]


def make_series(count: int = 40, *, samples: int = 700) -> list[MadeSeries]:
    """Return label-sorted series: counters, gauges, constants, special values, gaps, one sample only."""
    rng = np.random.default_rng(11)
    found = []
    for i in range(count):
        steps = np.full(samples, 15_000) + (rng.integers(-6, 6, samples) if i % 2 else 0)
        if i % 5 == 0:
            steps[rng.integers(0, samples, 6)] = rng.integers(10_000, 2_000_000, 6)
        values = [
            np.cumsum(rng.poisson(20, samples)).astype(float),
            np.round(50 + np.cumsum(rng.normal(0, 0.3, samples)), 2),
            np.full(samples, float(i)),
            rng.choice(SPECIAL, samples),
            rng.normal(0, 1e6, samples),
        ][i % 5]
        kept = 1 if i == 7 else samples
        labels = {"__name__": f"m{i % 3}", "job": f"j{i % 4}", "instance": f"host-{i}:9100", "zone": 'zürich ✓ "q" \\'}
        if i % 3:
            del labels["zone"]
        times = START_MS + np.cumsum(steps)
        found.append(MadeSeries(Labels.from_mapping(labels), times[:kept].astype(np.int64), values[:kept]))
    return sorted(found, key=lambda series: series.labels)


def to_openmetrics(series: list[MadeSeries]) -> list[str]:
    """Return the lines that promtool reads as these series, without `# EOF`."""
    lines = []
    names = sorted({each.labels.get(b"__name__").decode() for each in series})
    for name in names:
        lines.append(f"# TYPE {name} gauge")
        for each in series:
            if each.labels.get(b"__name__").decode() == name:
                text = render_labels(each.labels)
                lines += [
                    f"{name}{text} {_render_value(value)} {time // 1000}.{time % 1000:03d}"
                    for time, value in zip(each.timestamps_ms.tolist(), each.values.tolist(), strict=True)
                ]
    return lines


def to_samples(series: list[MadeSeries], symbols: SymbolTable | None = None) -> Samples:
    """Return the series as columns."""
    return Samples(
        LabelRows.from_labels([each.labels for each in series], symbols or SymbolTable()),
        np.cumsum([0] + [len(each.values) for each in series]).astype(np.int64),
        np.concatenate([each.timestamps_ms for each in series]),
        np.concatenate([each.values for each in series]),
    )


def render_labels(labels: Labels, *, skip: bytes = b"__name__", separator: str = ",") -> str:
    """Return the labels in braces, quoted as Go and OpenMetrics quote them."""
    pairs = [(name.decode(), value.decode()) for name, value in labels.pairs if name != skip]
    escaped = ((name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in pairs)
    return "{" + separator.join(f'{name}="{value}"' for name, value in escaped) + "}"


def _render_value(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
