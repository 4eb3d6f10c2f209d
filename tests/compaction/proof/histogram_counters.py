"""Counters of histograms downsampled again, from what a block of the finer resolution holds; in plain Python.

    finer     |· · · ·|· · ·|· · · · ·|     chunks, each a counter since its own first sample
    coarser   |·   ·   · ·|·   ·   ·|       whole chunks together; a time is a window's end, or the batch's last sample

A sample after another grew by the difference, or by all it is where the counter was reset: its chunk says so, or a
count is less than before. Source: thanos pkg/compact/downsample (downsampleHistogramAggrBatch, histogramAggregator).
"""

from __future__ import annotations

from pathlib import Path

from promontory.model.labels import Labels
from promontory.testing.histogram_values import HistogramValue
from tests.block.plain_block import read_block
from tests.compaction.proof.history import Sample
from tests.compaction.proof.oracle import add_histograms
from tests.golden.plain_chunks import split_plain

COUNTER = 4
RESET_FLAG = 0b10


def read_reset_flags(block: Path) -> dict[Labels, list[bool]]:
    """Return of each counter chunk of a downsampled block whether it says that the counter was reset before it."""
    found: dict[Labels, list[bool]] = {}
    for series in read_block(block):
        parts = [split_plain(chunk.payload)[COUNTER] for chunk in series.chunks]
        found[series.labels] = [part is not None and part[1][2] >> 6 == RESET_FLAG for part in parts]
    return found


def check_coarser_counters(
    finer: list[list[Sample]], resets: list[bool], coarser: list[list[Sample]], resolution_ms: int
) -> int:
    """Compare chunks of a coarser counter with those they were made of; return how many samples were compared."""
    rest = list(zip(finer, resets, strict=True))
    compared = 0
    for chunk in coarser:
        batch = [one for one in rest if one[0][-1][0] <= chunk[-1][0]]
        rest = rest[len(batch) :]
        assert batch, "a chunk that nothing was made of"
        assert chunk == _fold(batch, resolution_ms)
        compared += len(chunk)
    assert not rest, "chunks that nothing was made of"
    return compared


def _fold(batch: list[tuple[list[Sample], bool]], resolution_ms: int) -> list[Sample]:
    samples = [
        (time_ms, value, is_reset and number == 0)
        for chunk, is_reset in batch
        for number, (time_ms, value) in enumerate(chunk)
    ]
    last_ms = samples[-1][0]
    total, before = HistogramValue(), HistogramValue()
    grown: dict[int, Sample] = {}
    for time_ms, value, is_reset in samples:
        assert isinstance(value, HistogramValue)
        total = add_histograms(total, value)
        if not is_reset and not _fell(before, value):
            total = add_histograms(total, before, times=-1.0)
        before = value
        window = time_ms // resolution_ms
        grown[window] = min((window + 1) * resolution_ms - 1, last_ms), total
    return list(grown.values())


def _fell(before: HistogramValue, value: HistogramValue) -> bool:
    fell = any(value.positive.get(index, 0.0) < count for index, count in before.positive.items())
    return fell or value.count < before.count or value.zero_count < before.zero_count
