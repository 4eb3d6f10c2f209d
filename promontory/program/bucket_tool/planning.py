"""From what a bucket holds to what the planner of a compactor asks for; and the settings that the flags give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compactor.settings import read_ladder, read_replica_labels, read_share
from promontory.block.markers import Mark, MarkKind
from promontory.catalog.contents import Contents
from promontory.catalog.filters import ConsistencyDelayFilter, FilterFacts
from promontory.compaction.planning.state import BucketState
from promontory.compaction.settings import CompactionSettings
from promontory.service.values import Values


def read_settings(values: Values) -> CompactionSettings:
    """Return the settings of the flags of `cleanup`. Raises InputError."""
    return CompactionSettings(
        consistency_delay_ms=values.duration_ms("--consistency-delay"),
        delete_delay_ms=values.duration_ms("--delete-delay"),
        deletion_share=read_share(values),
    )


def read_retention_settings(values: Values) -> CompactionSettings:
    """Return the settings of the flags of `retention`: those of `cleanup`, and how long each resolution is kept."""
    return replace(
        read_settings(values),
        replica_labels=read_replica_labels(values),
        downsampling=not values.flag("--downsampling.disable"),
        ladder=read_ladder(values),
    )


def make_state(
    contents: Contents,
    settings: CompactionSettings,
    *,
    now_ms: int,
    verified: frozenset[str] = frozenset(),
    broken: frozenset[str] = frozenset(),
) -> BucketState:
    """Return what plans are made from; blocks that the consistency delay holds back are left out.

    Partial are only blocks without any meta.json: one that cannot be read is left to people.
    """
    blocks = {found.ulid: meta for found, meta in contents.whole}
    marks = {kind: _marks_of(contents, kind) for kind in MarkKind}
    modified_ms = {ulid: contents.blocks[ulid].modified_ms for ulid in blocks}
    facts = FilterFacts(now_ms=now_ms, marks=marks[MarkKind.DELETION], modified_ms=modified_ms)
    fresh = ConsistencyDelayFilter(settings.consistency_delay_ms).exclude(blocks, facts)
    return BucketState(
        blocks={ulid: meta for ulid, meta in blocks.items() if ulid not in fresh},
        deletion_marks={ulid: mark for ulid, mark in marks[MarkKind.DELETION].items() if ulid not in fresh},
        no_compact_marks=marks[MarkKind.NO_COMPACT],
        no_downsample_marks=marks[MarkKind.NO_DOWNSAMPLE],
        partial_ms={found.ulid: found.modified_ms or None for found in contents.broken if found.is_partial},
        verified=verified,
        broken=broken,
    )


def _marks_of(contents: Contents, kind: MarkKind) -> Mapping[str, Mark]:
    return {found.ulid: found.marks[kind] for found in contents.blocks.values() if kind in found.marks}
