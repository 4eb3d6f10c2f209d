"""CatalogView: what a bucket holds, at one sync; a value that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from promontory.block.markers import Mark
from promontory.block.meta import BlockMeta
from promontory.bucket.port import ObjectInfo


@dataclass(frozen=True, slots=True)
class CatalogView:
    """The blocks of a bucket by ULID.

    `blocks` count: readers serve these. `partial` have no meta.json: still arriving, or going. `corrupt` have one
    that cannot be read or that does not fit the files beside it. `excluded` are well, but a filter leaves them out.
    The last three say why. `marks` are the deletion marks, also of blocks that are partial by now;
    `unreadable_marks` count as absent.

    `excluded_metas` are the metas of those that filters leave out.
    `files` are the objects of each block by path, as they were listed from `listed_ms` on. Where `index_ms` is not
    None, a bucket index told most of this, and what it told was so at that time; `index_problem` says why none did.
    """

    blocks: Mapping[str, BlockMeta] = field(default_factory=dict)
    partial: Mapping[str, str] = field(default_factory=dict)
    corrupt: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    unreadable_marks: Mapping[str, str] = field(default_factory=dict)
    excluded_metas: Mapping[str, BlockMeta] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, ObjectInfo]] = field(default_factory=dict)
    listed_ms: int = 0
    index_ms: int | None = None
    index_problem: str = ""
