"""Group: the blocks of one stream and resolution, which may become one block.

    key     <resolution in ms>@<xxHash64 of the external labels without the replica labels>
    hash    over `name 0xFF value 0xFF` of each label in order

Source: thanos pkg/block/metadata/meta.go (GroupKey), pkg/block/fetcher.go (ReplicaLabelRemover).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import xxhash

from promontory.block.meta import NO_LABEL_LEFT, PART_LABEL, BlockMeta
from promontory.model.labels import Labels


@dataclass(frozen=True, slots=True, order=True)
class GroupKey:
    """A resolution and the external labels of a stream, replica labels removed; its text is Thanos' group key."""

    resolution_ms: int
    labels: Labels

    def __str__(self) -> str:
        hashed = b"".join(name + b"\xff" + value + b"\xff" for name, value in self.labels.pairs)
        return f"{self.resolution_ms}@{xxhash.xxh64_intdigest(hashed)}"


@dataclass(frozen=True, slots=True)
class Group:
    """`blocks` are sorted by minimum time, of equal ones by ULID; their metas still have the replica labels."""

    key: GroupKey
    blocks: tuple[BlockMeta, ...]


def group_blocks(blocks: Iterable[BlockMeta], replica_labels: Sequence[str]) -> tuple[Group, ...]:
    """Return the groups, sorted by key."""
    members: dict[GroupKey, list[BlockMeta]] = defaultdict(list)
    for meta in blocks:
        members[key_of(meta, replica_labels)].append(meta)
    return tuple(
        Group(key, tuple(sorted(group, key=lambda meta: (meta.min_time_ms, meta.ulid))))
        for key, group in sorted(members.items())
    )


def key_of(meta: BlockMeta, replica_labels: Sequence[str]) -> GroupKey:
    """Return the key of the group that a block belongs to."""
    return GroupKey(meta.resolution_ms, strip_replicas(meta.labels, replica_labels))


def strip_replicas(labels: Labels, replica_labels: Sequence[str]) -> Labels:
    """Return the labels of the stream; where none would be left, the first replica label says "deduped"."""
    if not replica_labels:
        return labels
    names = [name.encode() for name in replica_labels]
    # Parts of a stream, taken for one group, have equal sources, and all but one would go: theirs is no replica label.
    stripped = labels.without([name for name in names if name != PART_LABEL])
    return stripped if stripped.pairs else Labels(((names[0], NO_LABEL_LEFT),))
