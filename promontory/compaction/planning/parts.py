"""Parts of a stream as what took the place of its whole blocks.

    whole blocks of the inputs          1_of_2  ■■■■■■        all parts of one number hold a source:
    ■■ ■■ ■■    -- merged into -->      2_of_2  ■■■■■■        together they hold it as a whole block did

Rule: parts stand for a source only while each of them is there. Parts alone do not yet make a block superfluous: that
all of them together hold what their inputs held is seen before the first input is marked, so one has to be marked or
gone. What a compactor that was cut off while marking has left is told by that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.groups import strip_replicas
from promontory.compaction.planning.state import sources_of
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels

StreamKey = tuple[int, Labels]
"""A resolution and the labels of a stream, without replica labels and without the one that tells parts apart."""


@dataclass(frozen=True, slots=True)
class HeldByParts:
    """By source, one block of each part, largest first; and the sources that whole blocks hold."""

    parts: Mapping[str, tuple[BlockMeta, ...]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    def find_cover(self, meta: BlockMeta) -> frozenset[str] | None:
        """Return the parts that took the place of a whole block; None where none did."""
        if not all(source in self.parts for source in sources_of(meta)):
            return None
        cover = [part for source in sources_of(meta) for part in self.parts[source]]
        has_begun = any(source not in self.whole for part in cover for source in sources_of(part))
        return frozenset(part.ulid for part in cover) if has_begun else None


def find_held_by_parts(blocks: Iterable[BlockMeta], settings: CompactionSettings) -> dict[StreamKey, HeldByParts]:
    """Return, of streams that have parts, what these hold together."""
    holders: dict[StreamKey, dict[int, dict[str, dict[int, BlockMeta]]]] = defaultdict(dict)
    whole: dict[StreamKey, set[str]] = defaultdict(set)
    for meta in sorted(blocks, key=lambda meta: (-len(sources_of(meta)), meta.ulid)):
        key = stream_key(meta, settings)
        place = _place(meta)
        if place is None:
            if not meta.labels.get(PART_LABEL):
                whole[key].update(sources_of(meta))
            continue
        index, total = place
        by_source = holders[key].setdefault(total, {})
        for source in sources_of(meta):
            by_source.setdefault(source, {}).setdefault(index, meta)
    return {
        key: HeldByParts(
            {
                source: tuple(members.values())
                for total, by_source in totals.items()
                for source, members in by_source.items()
                if len(members) == total
            },
            frozenset(whole[key]),
        )
        for key, totals in holders.items()
    }


def stream_key(meta: BlockMeta, settings: CompactionSettings) -> StreamKey:
    """Return what a whole block and its parts have in common."""
    return meta.resolution_ms, strip_replicas(meta.stream_labels, settings.replica_labels)


def _place(meta: BlockMeta) -> tuple[int, int] | None:
    """Return which part of how many a block is, from 1 on; None where it is none, or of another's numbering."""
    first, _, last = meta.labels.get(PART_LABEL).partition(b"_of_")
    if not (first.isdigit() and last.isdigit()):
        return None
    index, total = int(first), int(last)
    return (index, total) if 1 <= index <= total else None
