"""Survey: what a pass sees of a bucket at one time: metas, marks, partial uploads, and what is known of blocks.

A survey that fails in any part raises, and nothing that was to rely on it is done. A mark against compaction or
downsampling, once seen, stays until the bucket itself says that it is gone: listings may be stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import INDEX_FILE
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import BlockFilter, ConsistencyDelayFilter
from promontory.catalog.mark_object import read_mark_object
from promontory.catalog.view import CatalogView
from promontory.compaction.ledger import Ledger
from promontory.compaction.planning.state import BucketState
from promontory.compaction.settings import CompactionSettings
from promontory.errors import CorruptionError, ObjectNotFound
from promontory.model.clock import Clock

METAS_DIRECTORY = "meta-syncer"

MarksOfKind = dict[str, tuple[ObjectInfo, Mark | None]]
"""By ULID the object and what it says; None where it cannot be read, which counts as no mark."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What plans are made from, and the view of the catalog behind it."""

    state: BucketState
    view: CatalogView


class Surveyor:
    """Looks at one bucket, again and again. `filters` select the blocks that are this compactor's."""

    def __init__(
        self,
        bucket: Bucket,
        settings: CompactionSettings,
        *,
        clock: Clock,
        directory: Path,
        ledger: Ledger,
        filters: Sequence[BlockFilter] = (),
    ) -> None:
        self._bucket = bucket
        self._ledger = ledger
        delay = ConsistencyDelayFilter(settings.consistency_delay_ms)
        self._catalog = Catalog(
            bucket, clock=clock, filters=(*filters, delay), cache_directory=directory / METAS_DIRECTORY
        )
        self._marks: dict[MarkKind, MarksOfKind] = {MarkKind.NO_COMPACT: {}, MarkKind.NO_DOWNSAMPLE: {}}

    async def look(self) -> Survey:
        """Sync. Raises BucketError."""
        view = await self._catalog.sync()
        for kind, known in self._marks.items():
            await self._learn_marks(view, kind, known)
        selected = view.blocks.keys() | view.partial.keys() | view.corrupt.keys()
        state = BucketState(
            blocks=view.blocks,
            deletion_marks={ulid: mark for ulid, mark in view.marks.items() if ulid in selected},
            no_compact_marks=_readable(self._marks[MarkKind.NO_COMPACT]),
            no_downsample_marks=_readable(self._marks[MarkKind.NO_DOWNSAMPLE]),
            partial_ms={ulid: _newest_ms(view.files.get(ulid, {})) for ulid in view.partial},
            verified=self._ledger.find_verified(view.files),
            broken=frozenset(self._ledger.find_broken(view.files)),
            index_bytes={
                ulid: view.files[ulid][INDEX_FILE].size_bytes
                for ulid in view.blocks
                if INDEX_FILE in view.files.get(ulid, {})
            },
            newest_sample_ms=max((meta.max_time_ms for meta in view.excluded_metas.values()), default=None),
        )
        return Survey(state, view)

    async def _learn_marks(self, view: CatalogView, kind: MarkKind, known: MarksOfKind) -> None:
        for ulid in known.keys() - view.files.keys():
            del known[ulid]
        listed = {ulid: files[kind.file_name] for ulid, files in view.files.items() if kind.file_name in files}

        async def learn(ulid: str) -> None:
            try:
                info = listed.get(ulid) or await self._bucket.info(f"{ulid}/{kind.file_name}")
                known[ulid] = info, await self._read_mark(ulid, kind, info)
            except ObjectNotFound:
                known.pop(ulid, None)

        changed = [ulid for ulid, info in listed.items() if ulid not in known or known[ulid][0] != info]
        await map_concurrently(learn, changed + sorted(known.keys() - listed.keys()))

    async def _read_mark(self, ulid: str, kind: MarkKind, info: ObjectInfo) -> Mark | None:
        try:
            return await read_mark_object(self._bucket, ulid, kind, listed=info)
        except CorruptionError:
            return None


def _readable(marks: MarksOfKind) -> dict[str, Mark]:
    return {ulid: mark for ulid, (_, mark) in marks.items() if mark is not None}


def _newest_ms(files: Mapping[str, ObjectInfo]) -> int | None:
    return max((info.modified_ms for info in files.values()), default=None)
