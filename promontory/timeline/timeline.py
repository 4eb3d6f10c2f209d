"""Timeline: which block covers which time, as lanes and rows; no pixels yet.

    lane {cluster="eu"}    raw   |01A|01B|01C|
                                     | 01X |         a block that overlaps others of its row goes to the next row
                           5m    |   01D     |

One lane a stream (the external labels), in it the resolutions from the finest on. The same blocks give the same
timeline, whatever order they come in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.durations import HOUR_MS
from promontory.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Box:
    """One block, and the row of its lane that it stands in."""

    found: FoundBlock
    meta: BlockMeta
    row: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A stream; `resolutions_ms` are those of its rows, from the top."""

    labels: Labels
    boxes: tuple[Box, ...]
    resolutions_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes by their labels, and the range [min_time_ms, max_time_ms) of all blocks."""

    lanes: tuple[Lane, ...]
    min_time_ms: int
    max_time_ms: int

    @property
    def resolutions_ms(self) -> list[int]:
        """The resolutions that there are, from the finest on."""
        return sorted({resolution_ms for lane in self.lanes for resolution_ms in lane.resolutions_ms})

    def levels_of(self, resolution_ms: int) -> list[int]:
        """Return the levels of compaction of the blocks of a resolution."""
        metas = (box.meta for lane in self.lanes for box in lane.boxes)
        return sorted({meta.compaction.level for meta in metas if meta.resolution_ms == resolution_ms})


def make_timeline(blocks: Sequence[tuple[FoundBlock, BlockMeta]]) -> Timeline:
    """Return the timeline of some blocks; of none it is an hour long."""
    streams: dict[Labels, list[tuple[FoundBlock, BlockMeta]]] = defaultdict(list)
    for found, meta in blocks:
        streams[meta.labels].append((found, meta))
    metas = [meta for _, meta in blocks]
    min_time_ms = min((meta.min_time_ms for meta in metas), default=0)
    max_time_ms = max((meta.max_time_ms for meta in metas), default=0)
    lanes = tuple(_make_lane(labels, streams[labels]) for labels in sorted(streams))
    return Timeline(lanes, min_time_ms, max(max_time_ms, min_time_ms + 1) if metas else HOUR_MS)


def _make_lane(labels: Labels, blocks: list[tuple[FoundBlock, BlockMeta]]) -> Lane:
    boxes: list[Box] = []
    resolutions_ms: list[int] = []
    ends_ms: list[int] = []
    first_row = 0
    for found, meta in sorted(blocks, key=_order):
        if not resolutions_ms or meta.resolution_ms != resolutions_ms[-1]:
            first_row = len(ends_ms)
        rows = range(first_row, len(ends_ms))
        row = next((row for row in rows if ends_ms[row] <= meta.min_time_ms), len(ends_ms))
        if row == len(ends_ms):
            ends_ms.append(meta.max_time_ms)
            resolutions_ms.append(meta.resolution_ms)
        ends_ms[row] = meta.max_time_ms
        boxes.append(Box(found, meta, row))
    return Lane(labels, tuple(boxes), tuple(resolutions_ms))


def _order(block: tuple[FoundBlock, BlockMeta]) -> tuple[int, int, int, str]:
    _, meta = block
    return meta.resolution_ms, meta.min_time_ms, -meta.max_time_ms, meta.ulid
