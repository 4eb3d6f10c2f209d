"""What a Prometheus saw: samples as plain values, each a function of its time alone, and buckets made of them.

    up_total      counter, whole numbers, reset now and then      temp      gauge with NaN, stale markers and gaps
    sparse_total  counter that some blocks do not hold            latency   native histogram, reset now and then
    sizes         native histogram with custom bounds           mixed   both in turns

Values are whole numbers, so that sums over windows are exact in whatever order they are made.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.block.meta import BlockMeta, parse_meta, render_meta
from promontory.model.histograms import HistogramCells
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from promontory.testing.histogram_values import HistogramValue, histograms_of
from promontory.testing.still_clock import StillClock

Value = int | HistogramValue
"""The bits of a float, or a histogram without its hint."""
Sample = tuple[int, Value]
Content = dict[Labels, list[Sample]]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EPOCH_MS = 1_700_006_400_000 // (14 * DAY_MS) * (14 * DAY_MS)
"""Where histories begin: a border of every range of compaction."""
STALE_BITS = 0x7FF0000000000002
NAN_BITS = 0x7FF8000000000001


def bits_of(value: float) -> int:
    """Return the bits of a float."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


@dataclass(frozen=True, slots=True)
class Stream:
    """One Prometheus: its external labels, how often it scrapes, and how much later than on the grid."""

    labels: Mapping[str, str]
    interval_ms: int = MINUTE_MS
    shift_ms: int = 0
    kinds: Sequence[str] = ("up_total", "temp", "sparse_total", "latency", "sizes")

    def saw(self, start_ms: int, end_ms: int) -> Content:
        """Return what it saw from `start_ms` up to and without `end_ms`, without series that had no samples."""
        first = -(-(start_ms - self.shift_ms) // self.interval_ms)
        last = -(-(end_ms - self.shift_ms) // self.interval_ms)
        found: Content = {}
        for kind in self.kinds:
            name = Labels.from_mapping({"__name__": kind, "job": "proof"})
            values = ((number * self.interval_ms + self.shift_ms, KINDS[kind](number)) for number in range(first, last))
            samples = [(time_ms, value) for time_ms, value in values if value is not None]
            if samples:
                found[name] = samples
        return dict(sorted(found.items()))


def write_history(
    root: Path, content: Content, labels: Mapping[str, str], *, range_ms: int = 2 * HOUR_MS, born_ms: int, tag: str = ""
) -> list[BlockMeta]:
    """Write what a Prometheus saw as blocks of `range_ms` below `root`, with the ranges a Prometheus gives them.

    ULIDs are made of `born_ms` and of a hash of the labels, `tag` and the place of each block: they do not change.
    """
    symbols = SymbolTable()
    count = itertools.count()
    first_ms = min(samples[0][0] for samples in content.values())

    def entropy(size: int) -> bytes:
        name = f"{sorted(labels.items())} {tag} {range_ms} {first_ms} {next(count)}"
        return hashlib.sha256(name.encode()).digest()[:size]

    metas = write_blocks(
        root, [to_samples(content, symbols)], clock=StillClock(born_ms), block_range_ms=range_ms,
        external_labels=Labels.from_mapping(labels), source="sidecar", entropy=entropy, durable=False,
    )  # fmt: skip
    return [_align(root / meta.ulid, range_ms) for meta in metas]


def to_samples(content: Content, symbols: SymbolTable) -> Samples:
    """Return plain samples as columns."""
    rows = list(content.values())
    flat = [value for row in rows for _, value in row]
    histograms = [value for value in flat if isinstance(value, HistogramValue)]
    index = np.full(len(flat), -1, np.int32)
    index[[isinstance(value, HistogramValue) for value in flat]] = np.arange(len(histograms))
    bits = np.array([0 if isinstance(value, HistogramValue) else value for value in flat], np.uint64)
    return Samples(
        labels=LabelRows.from_labels(list(content), symbols),
        row_start=np.cumsum([0, *map(len, rows)]),
        timestamps_ms=np.array([time_ms for row in rows for time_ms, _ in row], np.int64),
        values=bits.view(np.float64),
        histograms=HistogramCells(index, histograms_of(histograms, symbols)) if histograms else None,
    )


def change_meta(block: Path, change: Callable[[dict[str, object]], None]) -> BlockMeta:
    """Change the meta.json of a block directory by hand."""
    path = block / "meta.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent="\t"))
    return parse_meta(path.read_bytes(), source=str(path))


def _align(block: Path, range_ms: int) -> BlockMeta:
    path = block / "meta.json"
    meta = parse_meta(path.read_bytes(), source=str(path))
    start_ms = meta.min_time_ms // range_ms * range_ms

    def align(document: dict[str, object]) -> None:
        document["minTime"], document["maxTime"] = start_ms, start_ms + range_ms

    path.write_bytes(render_meta(meta))
    return change_meta(block, align)


def _counter(number: int) -> int:
    return bits_of(float(number % 137 * 3 + number % 2))


def _gauge(number: int) -> int | None:
    place = number % 60
    if place > 55:
        return None
    return STALE_BITS if place == 55 else NAN_BITS if place == 17 else bits_of(float(number * 7919 % 1000 - 300))


def _sparse(number: int) -> int | None:
    return bits_of(float(number % 1000)) if number // 90 % 4 == 1 else None


def _histogram(number: int) -> HistogramValue:
    grown = number % 71 + 1
    buckets = {-1: 2.0 * grown, 0: 3.0 * grown, 5 + number // 71 % 2: 1.0 * grown}
    return HistogramValue(1, 7.0 * grown, 11.0 * grown, 1.0 * grown, 0.5, buckets)


def _custom(number: int) -> HistogramValue:
    grown = number % 53 + 1
    buckets = {0: 1.0 * grown, 2: 2.0 * grown}
    return HistogramValue(-53, 3.0 * grown, 9.0 * grown, positive=buckets, custom_values=(1.0, 5.0, 25.0))


def _mixed(number: int) -> HistogramValue:
    return _custom(number) if number // 40 % 2 else _histogram(number)


KINDS: dict[str, Callable[[int], Value | None]] = {
    "up_total": _counter,
    "temp": _gauge,
    "sparse_total": _sparse,
    "latency": _histogram,
    "sizes": _custom,
    "mixed": _mixed,
}
