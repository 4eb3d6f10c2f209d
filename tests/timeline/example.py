"""The blocks of docs/blocks.svg: a pair of replicas over two weeks, merged, downsampled, with an overlap and marks.

`python -m tests.timeline.example` writes the picture anew.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta, BlockStats
from promontory.catalog.contents import FoundBlock
from promontory.model.labels import Labels
from promontory.timeline.svg import write_svg
from promontory.timeline.timeline import make_timeline
from tests.catalog.blocks import meta_of

PICTURE = Path(__file__).parents[2] / "docs" / "blocks.svg"
SAMPLES_PER_HOUR = 1_200_000
FIRST_HOUR = 472_224  # 2023-11-15
DAY = 24


def draw_example() -> str:
    """Return the picture."""
    blocks = [pair for replica in "ab" for pair in _blocks_of(replica)]
    return write_svg(make_timeline(blocks))


def _blocks_of(replica: str) -> list[tuple[FoundBlock, BlockMeta]]:
    labels = Labels.from_mapping({"cluster": "eu", "replica": replica})
    spans = [
        *((2 * day, 2 * day + 2, 4, 0) for day in range(4)),
        *((8 + third / 3, 8 + (third + 1) / 3, 3, 0) for third in range(9)),
        *((11 + hours / 12, 11 + (hours + 1) / 12, 1, 0) for hours in range(12)),
        *((2 * day, 2 * day + 2, 4, 300_000) for day in range(4)),
        (0, 4, 5, 3_600_000),
    ]
    if replica == "b":
        spans.append((8.5, 9, 2, 0))
    numbers = range(1 if replica == "a" else 100, 200)
    metas = [_meta(number, labels, *span) for number, span in zip(numbers, spans, strict=False)]
    marks = {0: (MarkKind.DELETION, ""), 5: (MarkKind.NO_COMPACT, "block-index-out-of-order-chunk")}
    return [(_found(meta, *marks[place]) if place in marks else _found(meta), meta) for place, meta in enumerate(metas)]


def _meta(number: int, labels: Labels, first: float, last: float, level: int, resolution_ms: int) -> BlockMeta:
    hours = FIRST_HOUR + round(first * DAY), FIRST_HOUR + round(last * DAY)
    count = (hours[1] - hours[0]) * SAMPLES_PER_HOUR // (20 if resolution_ms else 1)
    meta = meta_of(number, labels=labels, hours=hours, level=level, resolution_ms=resolution_ms)
    return replace(meta, stats=BlockStats(sample_count=count, series_count=5000, chunk_count=count // 120))


def _found(meta: BlockMeta, kind: MarkKind | None = None, reason: str = "") -> FoundBlock:
    marks = {} if kind is None else {kind: Mark(kind, meta.ulid, 1_701_000_000, reason=reason)}
    return FoundBlock(meta.ulid, meta, "", marks, (), {"chunks/000001": meta.stats.sample_count * 5 // 4}, 0)


if __name__ == "__main__":
    PICTURE.write_text(draw_example())
