"""Cover: which blocks of a stream hold the sources of others, resolution by resolution.

A block is covered at a resolution when blocks of that resolution, neither marked for deletion nor broken, hold each of
its sources. A source is held by one whole block, or by all parts that took its place (parts.py). Whether they were
verified is for the asker to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from promontory.block.markers import MANUAL_REASON, Mark
from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.groups import strip_replicas
from promontory.compaction.ladder import StreamLadder, is_past
from promontory.compaction.planning.parts import find_held_by_parts
from promontory.compaction.planning.state import BucketState, count_blocks, sources_of
from promontory.compaction.reasons import NOTHING_TO_DOWNSAMPLE
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels

# Reasons of no-downsample marks after which no coarser block is waited for: the operator's, and ours where a block
# holds nothing that could be downsampled. After any other, what is finer stays.
SETTLED_REASONS = (MANUAL_REASON, NOTHING_TO_DOWNSAMPLE)


@dataclass(frozen=True, slots=True)
class Stream:
    """All blocks of one stream, of whatever resolution, that are not marked for deletion.

    `holders` has those that are not broken, by resolution and source, and `parts` likewise the parts of the stream
    where all of them hold a source. A part of a stream has that stream as `whole`, whose blocks hold the part's series
    too, and in `remaining` the sources by resolution of all its blocks, going or not, as readers may still see them.
    """

    labels: Labels
    blocks: tuple[BlockMeta, ...]
    holders: dict[int, dict[str, list[BlockMeta]]]
    parts: Mapping[int, Mapping[str, tuple[BlockMeta, ...]]] = field(default_factory=dict)
    whole: Stream | None = None
    remaining: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def holds(self, meta: BlockMeta, resolution_ms: int) -> bool:
        """Say whether a block is covered at a resolution."""
        held, by_parts = self.holders.get(resolution_ms, {}), self.parts.get(resolution_ms, {})
        return all(source in held or source in by_parts for source in sources_of(meta))

    def find_cover(self, meta: BlockMeta, resolution_ms: int, *, preferred: frozenset[str]) -> frozenset[str] | None:
        """Return blocks that cover a block at a resolution, preferred ones where they do; None where it is not."""
        if not self.holds(meta, resolution_ms):
            return self.whole.find_cover(meta, resolution_ms, preferred=preferred) if self.whole else None
        held = self.holders.get(resolution_ms, {})
        chosen: set[str] = set()
        for source in sources_of(meta):
            if source in held:
                chosen.add(max(held[source], key=lambda other: other.ulid in preferred).ulid)
            else:
                chosen.update(part.ulid for part in self.parts[resolution_ms][source])
        return frozenset(chosen)

    def crosses(self, meta: BlockMeta, resolution_ms: int) -> bool:
        """Say whether a block of a resolution holds some sources of a block and others beside.

        Downsampled once more, the block would neither be covered by that one nor cover it: they would overlap.
        """
        held, by_parts = self.holders.get(resolution_ms, {}), self.parts.get(resolution_ms, {})
        sources = frozenset(sources_of(meta))
        found = (other for source in sources for other in (*held.get(source, ()), *by_parts.get(source, ())))
        others = {id(other): other for other in found}
        return any(not sources.issuperset(sources_of(other)) for other in others.values())

    def lies_in_whole(self, meta: BlockMeta, resolutions_ms: Iterable[int]) -> bool:
        """Say whether a part is not to be downsampled to some resolutions, as its stream answers for it.

        Where the whole has coarser blocks for any of its time, or is still there itself, readers would count twice
        what the part's own coarser block repeats: windows of two blocks do not end at equal times.
        """
        if self.whole is None:
            return False
        sources = sources_of(meta)
        if not self.remaining.get(meta.resolution_ms, frozenset()).isdisjoint(sources):
            return True
        held = self.whole.holders
        return any(source in held.get(resolution_ms, {}) for resolution_ms in resolutions_ms for source in sources)


def find_streams(state: BucketState, settings: CompactionSettings) -> list[Stream]:
    """Return the streams of a bucket, sorted by labels."""
    members: dict[Labels, list[BlockMeta]] = defaultdict(list)
    for ulid, meta in state.blocks.items():
        if ulid not in state.deletion_marks:
            members[strip_replicas(meta.labels, settings.replica_labels)].append(meta)
    streams = {
        labels: Stream(labels, tuple(blocks), _index(meta for meta in blocks if meta.ulid not in state.broken))
        for labels, blocks in sorted(members.items())
    }
    parts = {labels: labels.without([PART_LABEL]) for labels in streams if labels.get(PART_LABEL)}
    if parts:
        _join_parts(streams, parts, state, settings)
    return list(streams.values())


def _join_parts(
    streams: dict[Labels, Stream], parts: Mapping[Labels, Labels], state: BucketState, settings: CompactionSettings
) -> None:
    """Make the wholes of parts know what these hold together, and the parts their wholes."""
    sound = [meta for labels in parts for meta in streams[labels].blocks if meta.ulid not in state.broken]
    together: dict[Labels, dict[int, Mapping[str, tuple[BlockMeta, ...]]]] = defaultdict(dict)
    for (resolution_ms, whole), held in find_held_by_parts(sound, settings).items():
        together[whole][resolution_ms] = held.parts
    wholes = {
        whole: replace(streams.get(whole, Stream(whole, (), {})), parts=together.get(whole, {}))
        for whole in set(parts.values())
    }
    remaining = _list_remaining(state, settings, wholes.keys())
    streams.update({labels: whole for labels, whole in wholes.items() if labels in streams})
    for labels, name in parts.items():
        streams[labels] = replace(streams[labels], whole=wholes[name], remaining=remaining.get(name, {}))


def list_open_blocks(
    state: BucketState, settings: CompactionSettings, *, left_out: Container[str], now_ms: int
) -> Iterator[tuple[BlockMeta, Stream, StreamLadder]]:
    """Yield the blocks that count and are not left out, each with its stream and that stream's ladder."""
    counted = count_blocks(state, settings, now_ms=now_ms)
    for stream in find_streams(state, settings):
        ladder = settings.ladder.of(stream.labels)
        for meta in stream.blocks:
            if meta.ulid in counted and meta.ulid not in left_out:
                yield meta, stream, ladder


def _list_remaining(
    state: BucketState, settings: CompactionSettings, streams: Collection[Labels]
) -> dict[Labels, dict[int, frozenset[str]]]:
    """Return, by stream and resolution, the sources of all blocks, marked ones too."""
    found: dict[Labels, dict[int, frozenset[str]]] = defaultdict(dict)
    for meta in state.blocks.values():
        labels = strip_replicas(meta.labels, settings.replica_labels)
        if labels in streams:
            known = found[labels].get(meta.resolution_ms, frozenset())
            found[labels][meta.resolution_ms] = known.union(sources_of(meta))
    return found


def find_asked_step(ladder: StreamLadder, place: int, max_time_ms: int, *, now_ms: int) -> int | None:
    """Return the index of the next coarser step that still keeps what ended then; None where no step does."""
    coarser = range(place + 1, len(ladder.steps))
    return next((at for at in coarser if not is_past(max_time_ms, ladder.steps[at].keep_ms, now_ms=now_ms)), None)


def asks_no_cover(settings: CompactionSettings, mark: Mark | None) -> bool:
    """Say whether nothing coarser is to be waited for before a block with this no-downsample mark, or none, goes."""
    return not settings.downsampling or (mark is not None and mark.reason in SETTLED_REASONS)


def _index(blocks: Iterable[BlockMeta]) -> dict[int, dict[str, list[BlockMeta]]]:
    holders: dict[int, dict[str, list[BlockMeta]]] = defaultdict(lambda: defaultdict(list))
    for meta in blocks:
        held = holders[meta.resolution_ms]
        for source in sources_of(meta):
            held[source].append(meta)
    return holders
