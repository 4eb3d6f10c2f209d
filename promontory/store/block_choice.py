"""Which blocks of a bucket answer a Selector.

    external labels that no matcher refuses, a range that overlaps, and of one label set, at each time,
    the coarsest resolution that is not coarser than asked; gaps are filled by the next finer one

A stream that was cut into parts is one with what it was before: where that has a coarser block, it is read alone.

Where the asker strips replica labels, replicas and what a compactor merged of them are one series, and for a day or two
both are there. What lies in a merged or coarser block is not read of finer ones too: a counter added up over its resets
and the same one raw, taken by turns, would look like many resets.

Source: thanos pkg/store/bucket.go, bucketBlockSet.getFor. Never coarser than asked: where raw samples have gone and
the query wants raw, there is no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from promontory.block.meta import NO_LABEL_LEFT, PART_LABEL, BlockMeta
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
        chosen = _choose_with_parts(sets, selector)
    else:
        chosen = [meta for members in sets.values() for meta in _choose_resolutions(members, selector)]
    return _less_what_merged_blocks_hold(chosen, sets, selector)


def _choose_with_parts(sets: Mapping[Labels, Sequence[BlockMeta]], selector: Selector) -> list[BlockMeta]:
    """Choose for each part of a stream together with the blocks of the whole: a coarse one hides what is finer."""
    chosen: dict[str, BlockMeta] = {}
    for labels, members in sets.items():
        whole = sets.get(labels.without([PART_LABEL]), ()) if labels.get(PART_LABEL) else ()
        chosen |= {meta.ulid: meta for meta in _choose_resolutions([*members, *whole], selector)}
    return list(chosen.values())


def _less_what_merged_blocks_hold(
    chosen: list[BlockMeta], sets: Collection[Labels], selector: Selector
) -> list[BlockMeta]:
    streams: dict[Labels, list[Labels]] = {}
    for labels in sets:
        if not labels.get(PART_LABEL):
            streams.setdefault(labels.without(selector.without_replica_labels), []).append(labels)
    merged = {stream for stream, members in streams.items() if len(members) > 1 and _has_merged(members)}
    if not merged:
        return chosen
    held: dict[Labels, list[BlockMeta]] = {}
    for meta in chosen:
        if not meta.labels.get(PART_LABEL):  # a part names all sources, and has a share of the series
            held.setdefault(meta.labels.without(selector.without_replica_labels), []).append(meta)
    hidden = {ulid for stream in merged for ulid in _find_held(held.get(stream, ()))}
    return [meta for meta in chosen if meta.ulid not in hidden]


def _has_merged(members: Sequence[Labels]) -> bool:
    """Say whether one of the label sets is that of merged replicas: another's less some, or the word for none left."""
    pairs = [frozenset(labels.pairs) for labels in members]
    return any(value == NO_LABEL_LEFT for labels in members for _, value in labels.pairs) or any(
        one < other for one in pairs for other in pairs
    )


def _find_held(blocks: Sequence[BlockMeta]) -> set[str]:
    """Return the blocks all whose sources coarser blocks of other label sets hold, or else one larger, as fine."""
    holders: dict[str, list[BlockMeta]] = {}
    for meta in blocks:
        for source in meta.compaction.sources:
            holders.setdefault(source, []).append(meta)
    hidden = {meta.ulid for meta in blocks if _is_held_coarser(meta, holders)}
    left = [meta for meta in blocks if meta.ulid not in hidden]
    return hidden | {meta.ulid for meta in left if _is_held_larger(meta, holders, hidden)}


def _is_held_coarser(meta: BlockMeta, holders: Mapping[str, Sequence[BlockMeta]]) -> bool:
    return bool(meta.compaction.sources) and all(
        any(one.resolution_ms > meta.resolution_ms and one.labels != meta.labels for one in holders[source])
        for source in meta.compaction.sources
    )


def _is_held_larger(meta: BlockMeta, holders: Mapping[str, Sequence[BlockMeta]], hidden: Container[str]) -> bool:
    sources = frozenset(meta.compaction.sources)
    others = holders[meta.compaction.sources[0]] if sources else ()
    return any(
        one.resolution_ms <= meta.resolution_ms
        and one.labels != meta.labels
        and one.ulid not in hidden
        and sources < frozenset(one.compaction.sources)
        for one in others
    )


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
