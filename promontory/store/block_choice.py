"""Which blocks of a bucket answer a Selector.

    external labels that no matcher refuses, a range that overlaps, and of one label set, at each time,
    the coarsest resolution that is not coarser than asked; gaps are filled by the next finer one

A stream that was cut into parts is one with what it was before: where that has a coarser block, it is read alone.

Source: thanos pkg/store/bucket.go, bucketBlockSet.getFor. Never coarser than asked: where raw samples have gone and
the query wants raw, there is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.model.labels import Labels
from promontory.model.selector import Selector
from promontory.store.external_labels import strip_matchers

Item = TypeVar("Item")


def choose_blocks(metas: Iterable[BlockMeta], selector: Selector) -> list[BlockMeta]:
    """Return the blocks to ask, in time order within a label set."""
    sets: dict[Labels, list[BlockMeta]] = {}
    low, high = selector.time_range.min_time_ms, selector.time_range.max_time_ms
    for meta in metas:
        # Of a thousand blocks most are passed over here: the full question is ten times as dear.
        if meta.min_time_ms > high or (meta.max_time_ms <= low and meta.min_time_ms < low):
            continue
        if may_hold(meta, selector) and meta.resolution_ms <= selector.max_resolution_ms:
            sets.setdefault(meta.labels, []).append(meta)
    if any(labels.get(PART_LABEL) for labels in sets):
        return _choose_with_parts(sets, selector)
    return [meta for members in sets.values() for meta in _choose_resolutions(members, selector)]


def _choose_with_parts(sets: Mapping[Labels, Sequence[BlockMeta]], selector: Selector) -> list[BlockMeta]:
    """Choose for each part of a stream together with the blocks of the whole: a coarse one hides what is finer."""
    chosen: dict[str, BlockMeta] = {}
    for labels, members in sets.items():
        whole = sets.get(labels.without([PART_LABEL]), ()) if labels.get(PART_LABEL) else ()
        chosen |= {meta.ulid: meta for meta in _choose_resolutions([*members, *whole], selector)}
    return list(chosen.values())


def may_hold(meta: BlockMeta, selector: Selector) -> bool:
    """Say whether a block's range [min, max) and external labels allow an answer."""
    asked = selector.time_range
    overlaps = meta.min_time_ms <= asked.max_time_ms and asked.min_time_ms < max(meta.max_time_ms, meta.min_time_ms + 1)
    return overlaps and strip_matchers(meta.stream_labels, selector.matchers) is not None


def _choose_resolutions(members: Sequence[BlockMeta], selector: Selector) -> list[BlockMeta]:
    if len(members) == 1:
        return list(members)
    resolutions = sorted({meta.resolution_ms for meta in members}, reverse=True)
    by_resolution = [
        sorted((m for m in members if m.resolution_ms == resolution), key=lambda meta: (meta.min_time_ms, meta.ulid))
        for resolution in resolutions
    ]
    asked = selector.time_range
    chosen = _cover(by_resolution, asked.min_time_ms, asked.max_time_ms)
    return list({meta.ulid: meta for meta in chosen}.values())


def _cover(by_resolution: Sequence[Sequence[BlockMeta]], low: int, high: int) -> Iterator[BlockMeta]:
    """Yield blocks that cover [low, high], both inclusive, the coarsest first; finer ones may come twice."""
    if not by_resolution:
        return
    coarsest, *finer = by_resolution
    covered = low
    for meta in coarsest:
        if max(meta.max_time_ms, meta.min_time_ms + 1) <= low:
            continue
        if meta.min_time_ms > high:
            break
        if meta.min_time_ms > covered:
            yield from _cover(finer, covered, meta.min_time_ms - 1)
        yield meta
        covered = max(covered, meta.max_time_ms)
    if covered <= high:
        yield from _cover(finer, covered, high)
