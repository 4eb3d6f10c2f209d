"""The blocks that compaction is measured with: two replicas of 5,000 series, twelve blocks of 2 h each.

promontory-bench-compaction-<hash of what makes it>/
    a/   twelve blocks of the first replica      b/   of the second, which scraped some seconds later
        small/   the same of ten series, to load kernels with
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
from tests.bench.data import REPLICA_SHIFT_MS, SAMPLES, GeneratedSeries, generate
from tests.bench.dataset import kept_folder

SERIES = 5000
BATCH = 500
SOURCES = ("data.py", "compaction_data.py")


def open_replicas() -> Path:
    """Return the folder, building what this machine does not have yet (under a minute)."""
    return kept_folder("promontory-bench-compaction", SOURCES, _build)


def _build(folder: Path) -> None:
    print(f"building two replicas of {SERIES} series in {folder}", flush=True)
    series = sorted(generate(series=SERIES, samples=SAMPLES), key=lambda one: one.labels)
    for name, shift_ms in (("a", 0), ("b", REPLICA_SHIFT_MS)):
        labels = Labels.from_mapping({"replica": name})
        write_blocks(folder / name, _batches(series, shift_ms), clock=SystemClock(), external_labels=labels)
    write_blocks(folder / "small", _batches(series[:10], 0), clock=SystemClock(), external_labels=labels)


def _batches(series: list[GeneratedSeries], shift_ms: int) -> Iterator[Samples]:
    for first in range(0, len(series), BATCH):
        part = series[first : first + BATCH]
        yield Samples(
            labels=LabelRows.from_labels([one.labels for one in part], SymbolTable()),
            row_start=np.cumsum([0, *(len(one.values) for one in part)]),
            timestamps_ms=np.concatenate([one.timestamps_ms for one in part]) + shift_ms,
            values=np.concatenate([one.values for one in part]),
        )
