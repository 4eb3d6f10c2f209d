"""Counters for `tests.bench.growth`: 10,000, 100,000 and 1,000,000 series x 1 h, one metric each, in one block.

Built once a machine, like the comparison's data: 266 M samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.model.clock import SystemClock
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.bench.data import INTERVAL_S, SEED, START_S
from tests.bench.dataset import kept_folder

HOUR_SAMPLES = 240
BATCH = 10_000
# metric -> series; in label order
METRICS = {"fleet_010k_total": 10_000, "fleet_100k_total": 100_000, "fleet_1m_total": 1_000_000}


def open_growth_bucket() -> Path:
    """Return the bucket, building it where this machine does not have it yet (some minutes)."""
    return kept_folder("promontory-bench-growth", ("growth_data.py", "data.py"), _build) / "bucket"


def _build(folder: Path) -> None:
    print(f"building {sum(METRICS.values())} series x 1 h in {folder}", flush=True)
    labels = Labels.from_mapping({"replica": "a"})
    write_blocks(folder / "bucket", _batches(), clock=SystemClock(), external_labels=labels, durable=False)


def _batches() -> Iterator[Samples]:
    random = np.random.default_rng(SEED + 4)
    for metric, count in METRICS.items():
        for first in range(0, count, BATCH):
            values = np.cumsum(random.poisson(20, (BATCH, HOUR_SAMPLES)), axis=1).astype(float).ravel()
            jitter = random.integers(0, 12, len(values))
            grid_ms = (START_S + INTERVAL_S * np.arange(HOUR_SAMPLES, dtype=np.int64)) * 1000
            yield Samples(
                labels=_labels(metric, first),
                row_start=np.arange(BATCH + 1) * HOUR_SAMPLES,
                timestamps_ms=np.tile(grid_ms, BATCH) + jitter,
                values=values,
            )


def _labels(metric: str, first: int) -> LabelRows:
    """Return the rows of BATCH series: name, instance, job and pod, ten series a pod."""
    symbols = SymbolTable()
    names = [symbols.intern(name) for name in (b"__name__", b"instance", b"job", b"pod")]
    numbers = range(first, first + BATCH)
    values = np.empty((BATCH, 4), np.int32)
    values[:, 0] = symbols.intern(metric.encode())
    values[:, 1] = [symbols.intern(b"host-%07d:9100" % number) for number in numbers]
    values[:, 2] = [symbols.intern(b"job%d" % (number % 7)) for number in numbers]
    values[:, 3] = [symbols.intern(b"app-%06d" % (number // 10)) for number in numbers]
    return LabelRows(np.arange(BATCH + 1) * 4, np.tile(np.array(names, np.int32), BATCH), values.ravel(), symbols)
