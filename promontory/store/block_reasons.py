"""Why a block is not asked: the other side of block_choice.py, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from promontory.block.meta import BlockMeta
from promontory.model.durations import format_resolution
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.selector import Selector
from promontory.store.block_choice import may_hold
from promontory.store.estimates import Passed
from promontory.store.external_labels import strip_matchers


def tell_passed(metas: Iterable[BlockMeta], chosen: Collection[str], selector: Selector) -> Iterator[Passed]:
    """Yield the blocks that were not chosen, in order of their times."""
    for meta in sorted(metas, key=lambda meta: (meta.min_time_ms, meta.ulid)):
        if meta.ulid not in chosen:
            yield Passed(f"block {meta.ulid}", _find_reason(meta, selector))


def _find_reason(meta: BlockMeta, selector: Selector) -> str:
    for matcher in selector.matchers:
        if strip_matchers(meta.stream_labels, (matcher,)) is None:
            return f"its external labels {meta.stream_labels} are refused by {matcher}"
    if not may_hold(meta, selector):
        held = f"{format_rfc3339_ms(meta.min_time_ms)} to {format_rfc3339_ms(meta.max_time_ms)}"
        return f"outside the time range: it holds {held}"
    resolution = format_resolution(meta.resolution_ms)
    if meta.resolution_ms > selector.max_resolution_ms:
        return f"its resolution, {resolution}, is coarser than allowed"
    return f"its resolution, {resolution}, is not needed: others hold its times coarser, or merged"
