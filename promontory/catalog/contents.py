"""Contents: every block of a bucket with its meta, its marks and its size, as the tools of `promontory bucket` need it.

Blocks that cannot be read, or are not whole, stand there too, with the reason: a tool for those who look after a
bucket hides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.catalog.catalog import Catalog
from promontory.catalog.mark_object import read_mark_object
from promontory.catalog.view import CatalogView
from promontory.errors import CorruptionError, ObjectNotFound
from promontory.model.clock import Clock


@dataclass(frozen=True, slots=True)
class FoundBlock:
    """What lies below one ULID.

    `meta` is None where it is not there or cannot be read; `problem` says why the block does not count, empty where
    it does; `is_partial` that it has no meta.json: still arriving, given up, or going. `sizes` are bytes by path in the
    block · `modified_ms` the last change of any of its objects.
    """

    ulid: str
    meta: BlockMeta | None
    problem: str
    marks: Mapping[MarkKind, Mark]
    unreadable_marks: tuple[str, ...]
    sizes: Mapping[str, int]
    modified_ms: int
    is_partial: bool = False

    @property
    def total_bytes(self) -> int:
        """Bytes of all its objects."""
        return sum(self.sizes.values())


@dataclass(frozen=True, slots=True)
class Contents:
    """The blocks of a bucket by ULID, those that do not count included; `view` is what a catalog makes of them."""

    blocks: Mapping[str, FoundBlock]
    view: CatalogView

    @property
    def marks(self) -> list[Mark]:
        """All marks that can be read."""
        return [mark for found in self.blocks.values() for mark in found.marks.values()]

    @property
    def whole(self) -> list[tuple[FoundBlock, BlockMeta]]:
        """The blocks that count, with their metas."""
        return [(found, found.meta) for found in self.blocks.values() if found.meta is not None and not found.problem]

    @property
    def broken(self) -> list[FoundBlock]:
        """The blocks that do not count."""
        return [found for found in self.blocks.values() if found.problem]


async def read_contents(bucket: Bucket, *, clock: Clock) -> Contents:
    """Return what a bucket holds now. Raises BucketError."""
    view = await Catalog(bucket, clock=clock).sync()
    problems = {**view.partial, **view.corrupt}
    ulids = sorted(view.files)
    marks = await map_concurrently(lambda ulid: _read_marks(bucket, ulid, view.files[ulid]), ulids)
    blocks = {
        ulid: FoundBlock(
            ulid=ulid,
            meta=view.blocks.get(ulid),
            problem=problems.get(ulid, ""),
            marks=found,
            unreadable_marks=tuple(unreadable),
            sizes={path: info.size_bytes for path, info in sorted(view.files[ulid].items())},
            modified_ms=max((info.modified_ms for info in view.files[ulid].values()), default=0),
            is_partial=ulid in view.partial,
        )
        for ulid, (found, unreadable) in zip(ulids, marks, strict=True)
    }
    return Contents(blocks, view)


async def _read_marks(
    bucket: Bucket, ulid: str, files: Mapping[str, ObjectInfo]
) -> tuple[dict[MarkKind, Mark], list[str]]:
    """Return the marks of a block, and why others cannot be read: these count as absent."""
    marks: dict[MarkKind, Mark] = {}
    unreadable: list[str] = []
    for kind in MarkKind:
        info = files.get(kind.file_name)
        if info is None:
            continue
        try:
            marks[kind] = await read_mark_object(bucket, ulid, kind, listed=info)
        except ObjectNotFound:
            continue
        except CorruptionError as error:
            unreadable.append(str(error))
    return marks, unreadable
