"""Which blocks of a group to merge, as Thanos' planner decides it, and as much of it at once as is independent.

    overlapping blocks first; then, the newest block left aside, 2 h, 8 h, 2 d and 14 d by aligned ranges;
    then blocks with tombstones, each alone

Thanos finds one merge, does it, lists the bucket again and starts anew. Here each merge is followed in thought by the
next; those that need no output of another are the jobs, and all of them are counted as what is left to do. An aligned
range that was passed over for what it holds is passed over also after merges elsewhere, so going up from range to
range finds what starting anew finds.

Differences: overlaps without vertical compaction halt Thanos, here their blocks are set aside with a mark; a merge
whose index would be too large can be cut into parts; and blocks marked for deletion, which Thanos merges like others
for a day, are passed over like those marked against compaction (docs/compaction.md).
Source: thanos pkg/compact/planner.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from promontory.block.meta import PART_LABEL, BlockMeta, BlockStats, Compaction
from promontory.compaction.groups import Group
from promontory.compaction.job import Job, JobKind, Part
from promontory.compaction.ladder import retired_series
from promontory.compaction.planning.cover import Stream, find_streams
from promontory.compaction.planning.guard import trusted_ms
from promontory.compaction.planning.overlaps import find_overlaps
from promontory.compaction.planning.ranges import first_run, is_ready, split_by_range
from promontory.compaction.planning.state import BucketState, Quarantine, find_index_bytes
from promontory.compaction.reasons import DOWNSAMPLED_OVERLAP, INDEX_TOO_LARGE, OVERLAPPING
from promontory.compaction.settings import CompactionSettings
from promontory.errors import HaltError

# Thanos leaves this share of the limit for what an index gains by being merged.
INDEX_SHARE = 0.85
TOMBSTONE_SHARE = 0.05
SHOWN_BLOCKS = 5


@dataclass(frozen=True, slots=True)
class MergePlan:
    """`jobs` share no inputs, but parts of one merge, which stand together; the rest counts as Thanos' todo metrics.

    `todo_jobs` and `todo_blocks` are the merges up to the end, and the blocks that they read.
    """

    jobs: tuple[Job, ...] = ()
    quarantines: tuple[Quarantine, ...] = ()
    todo_jobs: int = 0
    todo_blocks: int = 0


def plan_merges(group: Group, state: BucketState, settings: CompactionSettings, *, now_ms: int) -> MergePlan:
    """Return what to merge in a group of blocks that count. Raises HaltError on an overlap, where settings ask for it.

    The time decides only which series the outputs are to hold no longer.
    """
    if len(group.blocks) < 2:
        return MergePlan()
    planner = _Planner(group, state, settings, now_ms=now_ms)
    planner.plan_overlaps()
    planner.plan_ranges()
    planner.plan_tombstones()
    return MergePlan(tuple(planner.jobs), tuple(planner.quarantines), planner.todo_jobs, planner.todo_blocks)


class _Planner:
    """Goes through one group; `_blocks` are what would be there, sorted by minimum time; `_imagined` are outputs."""

    def __init__(self, group: Group, state: BucketState, settings: CompactionSettings, *, now_ms: int) -> None:
        self.jobs: list[Job] = []
        self.quarantines: list[Quarantine] = []
        self.todo_jobs = 0
        self.todo_blocks = 0
        self._key = group.key
        self._blocks: list[BlockMeta] = list(group.blocks)
        # A block that is going keeps its place, so that nothing is merged across it; merged it would come back.
        self._excluded = {
            meta.ulid
            for meta in group.blocks
            if meta.ulid in state.no_compact_marks or meta.ulid in state.deletion_marks
        }
        self._imagined: set[str] = set()
        self._state = state
        self._index_bytes = {meta.ulid: find_index_bytes(meta, state.index_bytes) for meta in group.blocks}
        self._settings = settings
        self._ladder = settings.ladder.of(group.key.labels)
        # Over all blocks, so only where it matters.
        self._sure_ms = trusted_ms(state, settings, now_ms=now_ms) if self._ladder.series else now_ms

    def plan_overlaps(self) -> None:
        """Merge the blocks that overlap, or set them aside."""
        found = find_overlaps(self._open_blocks())
        while found:
            if not self._settings.vertical:
                self._set_aside_overlaps(found)
            elif self._key.resolution_ms:
                self._set_aside_downsampled(found)
            else:
                self._merge_overlaps(found)
            found = find_overlaps(self._open_blocks())

    def plan_ranges(self) -> None:
        """Merge within aligned ranges, from the smallest to the largest; the newest block stays out."""
        newest = self._blocks[-1] if self._blocks else None
        for length_ms in self._settings.ranges_ms[1:]:
            rest = [meta for meta in self._blocks if meta is not newest]
            merged: list[_Merged] = []
            for part in split_by_range(rest, length_ms):
                merged += self._merge_runs(part, length_ms, newest_start_ms=rest[-1].min_time_ms)
            self._blocks = _after(self._blocks, merged)

    def plan_tombstones(self) -> None:
        """Write blocks anew of which much was deleted, newest first, up to the first that will be merged still."""
        if self.jobs or not self._settings.ranges_ms:
            return
        open_blocks = [meta for meta in self._blocks[:-1] if meta.ulid not in self._excluded]
        for meta in reversed(open_blocks):
            if meta.max_time_ms - meta.min_time_ms < self._settings.ranges_ms[len(self._settings.ranges_ms) // 2]:
                break
            if meta.stats.tombstone_count / (meta.stats.series_count + 1) > TOMBSTONE_SHARE:
                self._add((meta,), JobKind.REWRITE)

    def _merge_overlaps(self, found: Sequence[tuple[BlockMeta, ...]]) -> None:
        merged: list[_Merged] = []
        for blocks in found:
            if self._waits(blocks):
                self._excluded.update(meta.ulid for meta in blocks)
            elif self._fits(blocks):
                merged.append(self._merge(blocks))
        self._blocks = _after(self._blocks, merged)

    def _open_blocks(self) -> list[BlockMeta]:
        return [meta for meta in self._blocks if meta.ulid not in self._excluded]

    def _merge_runs(self, part: list[BlockMeta], length_ms: int, *, newest_start_ms: int) -> list[_Merged]:
        """Return the merges of a range: of each run between excluded blocks, as far as their indexes fit."""
        merged: list[_Merged] = []
        while is_ready(part, length_ms, newest_start_ms=newest_start_ms):
            run = first_run(part, self._excluded)
            if not run or self._waits(run):
                break
            if self._fits(run):
                merged.append(self._merge(run))
                part = _after(part, merged[-1:])
        return merged

    def _fits(self, blocks: Sequence[BlockMeta]) -> bool:
        """Say whether the merged index stays within the limit; else set the largest index so far aside."""
        limit = int(self._settings.max_index_bytes * INDEX_SHARE)
        if not limit or self._cuts or not self._imagined.isdisjoint(meta.ulid for meta in blocks):
            return True  # how large an imagined index will be, nobody knows yet
        total = 0
        for count, meta in enumerate(blocks, 1):
            total += self._index_bytes[meta.ulid]
            if total >= limit:
                largest = max(blocks[:count], key=lambda one: self._index_bytes[one.ulid])
                details = f"merged with others its index could exceed {self._settings.max_index_bytes} bytes"
                self._set_aside(largest, INDEX_TOO_LARGE, details)
                return False
        return True

    @property
    def _cuts(self) -> bool:
        return self._settings.parts > 1 and not self._key.labels.get(PART_LABEL)

    def _merge(self, blocks: Sequence[BlockMeta]) -> _Merged:
        """Plan a merge of one range; where it would be too large and may be cut, its parts leave the group."""
        parts = self._settings.parts if self._is_cut(blocks) else 1
        self._add(blocks, JobKind.MERGE, parts=parts)
        return _Merged(tuple(blocks), self._imagine(blocks) if parts == 1 else None)

    def _is_cut(self, blocks: Sequence[BlockMeta]) -> bool:
        limit = int(self._settings.max_index_bytes * INDEX_SHARE)
        return self._cuts and 0 < limit <= sum(self._index_bytes[meta.ulid] for meta in blocks)

    def _waits(self, blocks: Sequence[BlockMeta]) -> bool:
        """Say whether a merge that is cut has inputs to be downsampled first.

        The coarser blocks of the whole answer for its parts; for half of their time they could not (cover.py).
        """
        place = self._ladder.place_of(self._key.resolution_ms)
        if not (self._settings.downsampling and self._is_cut(blocks)) or place is None or self._whole is None:
            return False
        return any(
            meta.max_time_ms - meta.min_time_ms >= step.after_ms
            and meta.ulid not in self._state.no_downsample_marks
            and not self._whole.holds(meta, step.resolution_ms)
            for step in self._ladder.steps[place + 1 : place + 2]
            for meta in blocks
        )

    @cached_property
    def _whole(self) -> Stream | None:
        streams = find_streams(self._state, self._settings)
        return next((stream for stream in streams if stream.labels == self._key.labels), None)

    def _add(self, blocks: Sequence[BlockMeta], kind: JobKind, *, parts: int = 1) -> None:
        self.todo_jobs += parts
        self.todo_blocks += len(blocks)
        if not self._imagined.isdisjoint(meta.ulid for meta in blocks):
            return
        end_ms = max(meta.max_time_ms for meta in blocks)
        job = Job(
            kind=kind,
            group=str(self._key),
            inputs=tuple(meta.ulid for meta in blocks),
            resolution_ms=self._key.resolution_ms,
            deduplication=self._settings.deduplication,
            replica_labels=self._settings.replica_labels,
            retired=retired_series(self._ladder, end_ms, now_ms=self._sure_ms),
        )
        self.jobs += [replace(job, part=Part(index, parts)) for index in range(parts)] if parts > 1 else [job]

    def _imagine(self, blocks: Sequence[BlockMeta]) -> BlockMeta:
        output = replace(
            blocks[0],
            ulid=f"output {len(self._imagined)}",
            min_time_ms=min(meta.min_time_ms for meta in blocks),
            max_time_ms=max(meta.max_time_ms for meta in blocks),
            stats=BlockStats(),
            compaction=Compaction(level=max(meta.compaction.level for meta in blocks) + 1),
        )
        self._imagined.add(output.ulid)
        self._index_bytes[output.ulid] = sum(self._index_bytes[meta.ulid] for meta in blocks)
        return output

    def _set_aside_overlaps(self, found: Sequence[tuple[BlockMeta, ...]]) -> None:
        for blocks in found:
            names = [meta.ulid for meta in blocks]
            if self._settings.halt_on_error:
                raise HaltError(f"group {self._key}: expected no overlapping blocks, found {', '.join(names)}")
            for meta in blocks:
                others = [name for name in names if name != meta.ulid]
                shown = ", ".join(others[:SHOWN_BLOCKS]) + (", …" if len(others) > SHOWN_BLOCKS else "")
                self._set_aside(meta, OVERLAPPING, f"overlaps in time with {shown}")

    def _set_aside_downsampled(self, found: Sequence[tuple[BlockMeta, ...]]) -> None:
        for meta in (meta for blocks in found for meta in blocks):
            self._set_aside(meta, DOWNSAMPLED_OVERLAP, "overlapping downsampled blocks cannot be merged")

    def _set_aside(self, meta: BlockMeta, reason: str, details: str) -> None:
        self._excluded.add(meta.ulid)
        self.quarantines.append(Quarantine(meta.ulid, reason, details))


@dataclass(frozen=True, slots=True)
class _Merged:
    """A merge in thought; `output` is None where it becomes parts, which are groups of their own."""

    inputs: tuple[BlockMeta, ...]
    output: BlockMeta | None


def _after(blocks: Sequence[BlockMeta], merged: Sequence[_Merged]) -> list[BlockMeta]:
    """Return the blocks as they would be after merges, sorted by minimum time."""
    gone = {meta.ulid for one in merged for meta in one.inputs}
    left = [meta for meta in blocks if meta.ulid not in gone]
    return sorted(left + [one.output for one in merged if one.output], key=lambda meta: (meta.min_time_ms, meta.ulid))
