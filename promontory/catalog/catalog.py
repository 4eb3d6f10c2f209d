"""Catalog: which blocks of a bucket count now.

    listing -> meta.json of what is new -> sizes against thanos.files -> deletion marks -> filters -> view

A listing is that of all objects, or a fresh bucket index with what is new beside it; what follows is the same.

Rules: a sync that fails in any part leaves the view as it was, but keeps the metas that it read. A block leaves the
view only when the bucket says that its meta.json is not there: listings may be stale. A deletion mark once seen stays
seen until the bucket says that the block is there without it, or that both are gone.
Sources: thanos pkg/block/fetcher.go and its issues 1331, 4006, 7234, 8464.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import INDEX_FILE, META_FILE, BlockMeta
from promontory.block.strict_json import MAX_DOCUMENT_BYTES
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.catalog.bucket_index import BucketIndex
from promontory.catalog.filters import BlockFilter, FilterFacts
from promontory.catalog.index_object import BucketIndexReader
from promontory.catalog.listing import Files, find_object, list_beside, list_whole
from promontory.catalog.mark_object import read_mark_object
from promontory.catalog.meta_cache import CachedMeta, MetaCache
from promontory.catalog.view import CatalogView
from promontory.errors import BucketError, CorruptionError, ObjectNotFound
from promontory.model.clock import Clock

_NO_META = "no meta.json"


class Catalog:
    """The blocks of one bucket for one reader; `view` is the last that a sync completed.

    `index_fresh_ms` is the greatest age of a bucket index that is used; none is at 0. Who deletes, or decides what is
    deleted, uses none.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        clock: Clock,
        filters: Sequence[BlockFilter] = (),
        cache_directory: Path | None = None,
        index_fresh_ms: int = 0,
    ) -> None:
        self._bucket = bucket
        self._clock = clock
        self._filters = tuple(filters)
        self._cache = MetaCache(cache_directory)
        self._reader = BucketIndexReader(bucket, clock=clock, fresh_ms=index_fresh_ms) if index_fresh_ms > 0 else None
        self._marks: dict[str, Mark] = {}
        self._mark_identities: dict[str, ObjectInfo] = {}
        self._files: dict[str, Files] = {}
        self._unreadable_marks: dict[str, str] = {}
        self._view = CatalogView()
        self._lock = asyncio.Lock()

    @property
    def view(self) -> CatalogView:
        """What the last completed sync found."""
        return self._view

    async def list_blocks(self) -> tuple[Mapping[str, BlockMeta], Mapping[str, str]]:
        """Sync, and return the blocks that count and, by ULID, why others cannot be read. Raises BucketError."""
        view = await self.sync()
        return view.blocks, view.corrupt

    async def sync(self) -> CatalogView:
        """Look at the bucket and return the new view. Raises BucketError; the old view stays then."""
        async with self._lock:
            self._view = await self._look()
        return self._view

    def distrust_index(self) -> bool:
        """Use the bucket index no more until there is a newer one, and say whether the last view was made with it."""
        if self._reader is None or self._view.index_ms is None:
            return False
        self._reader.distrust()
        return True

    async def _look(self) -> CatalogView:
        listed_ms = self._clock.now_ms()
        index = await self._reader.read() if self._reader else None
        listed = await self._list_files(index)
        await self._learn_metas(listed)
        await self._learn_marks(listed)
        blocks: dict[str, BlockMeta] = {}
        partial: dict[str, str] = {}
        corrupt: dict[str, str] = {}
        for ulid, files in listed.items():
            known = await self._known(ulid, files)
            if known is None:
                partial[ulid] = _NO_META
            elif known.meta is None:
                corrupt[ulid] = known.problem
            elif problem := await self._find_misfit(known.meta, files):
                corrupt[ulid] = problem
            else:
                blocks[ulid] = known.meta
        excluded = self._apply_filters(blocks, listed)
        await asyncio.to_thread(self._cache.forget_others, listed)
        self._files = listed
        return CatalogView(
            blocks={ulid: meta for ulid, meta in blocks.items() if ulid not in excluded},
            partial=partial,
            corrupt=corrupt,
            excluded=excluded,
            marks=dict(self._marks),
            unreadable_marks=dict(self._unreadable_marks),
            excluded_metas={ulid: blocks[ulid] for ulid in excluded},
            files=listed,
            listed_ms=listed_ms,
            index_ms=index.listed_ms if index else None,
            index_problem=self._reader.problem if self._reader and index is None else "",
        )

    async def _list_files(self, index: BucketIndex | None) -> dict[str, Files]:
        """Return the objects below each ULID by path; what was there and is not listed now is asked for."""
        if index is None:
            listed = await list_whole(self._bucket)
        else:
            # An index may be older than what was seen of a block that is being deleted or written.
            listed = await list_beside(self._bucket, index, self._view.partial.keys() | self._view.corrupt.keys())
            self._adopt(index, listed)
        missing = [
            ulid for ulid, files in self._files.items() if META_FILE in files and META_FILE not in listed.get(ulid, {})
        ]
        still_there = await map_concurrently(self._still_has_meta, missing)
        for ulid, found in zip(missing, still_there, strict=True):
            if found is not None:
                listed[ulid] = {**self._files[ulid], **listed.get(ulid, {}), META_FILE: found}
        return dict(sorted(listed.items()))

    def _adopt(self, index: BucketIndex, listed: Mapping[str, Files]) -> None:
        """Take metas and deletion marks that the index read, as long as their objects are the same."""
        name = MarkKind.DELETION.file_name
        for ulid, block in index.blocks.items():
            files = listed.get(ulid, {})
            if files.get(META_FILE) == block.files[META_FILE]:
                self._cache.adopt(files[META_FILE], block.meta)
            mark = block.marks.get(MarkKind.DELETION)
            if mark and ulid not in self._marks and name in files and files[name] == block.files.get(name):
                self._marks[ulid], self._mark_identities[ulid] = mark, files[name]
                self._unreadable_marks.pop(ulid, None)

    async def _still_has_meta(self, ulid: str) -> ObjectInfo | None:
        return await find_object(self._bucket, f"{ulid}/{META_FILE}")

    async def _learn_metas(self, listed: Mapping[str, Files]) -> None:
        def find_unknown() -> list[str]:
            with_meta = ((ulid, files[META_FILE]) for ulid, files in listed.items() if META_FILE in files)
            return [
                ulid
                for ulid, info in with_meta
                if info.size_bytes <= MAX_DOCUMENT_BYTES and self._cache.find(ulid, info) is None
            ]

        failures: list[BucketError] = []

        async def learn(ulid: str) -> None:
            if failures:
                return
            try:
                body = await self._bucket.get(f"{ulid}/{META_FILE}")
            except ObjectNotFound:
                del listed[ulid][META_FILE]  # deleted since it was listed
                return
            except BucketError as error:
                failures.append(error)  # what is under way is still learned, and need not be read again
                return
            await asyncio.to_thread(self._cache.learn, ulid, listed[ulid][META_FILE], body)

        await map_concurrently(learn, await asyncio.to_thread(find_unknown))
        if failures:
            raise failures[0]

    async def _known(self, ulid: str, files: Files) -> CachedMeta | None:
        info = files.get(META_FILE)
        if info is None:
            return None
        try:
            _check_size(info)
        except CorruptionError as error:
            return CachedMeta("", None, str(error))
        return self._cache.find(ulid, info)

    async def _learn_marks(self, listed: Mapping[str, Files]) -> None:
        name = MarkKind.DELETION.file_name

        async def learn(ulid: str) -> None:
            try:
                mark = await read_mark_object(self._bucket, ulid, MarkKind.DELETION, listed=listed[ulid][name])
            except ObjectNotFound:
                return
            except CorruptionError as error:
                self._marks.pop(ulid, None)
                self._unreadable_marks[ulid] = str(error)
            else:
                self._unreadable_marks.pop(ulid, None)
                self._marks[ulid] = mark
            self._mark_identities[ulid] = listed[ulid][name]

        unlisted = [ulid for ulid in self._mark_identities if ulid in listed and name not in listed[ulid]]
        taken_away = await map_concurrently(self._has_lost_mark, unlisted)
        unmarked = {ulid for ulid, is_lost in zip(unlisted, taken_away, strict=True) if is_lost}
        for ulid in (self._mark_identities.keys() - listed.keys()) | unmarked:
            del self._mark_identities[ulid]
            self._marks.pop(ulid, None)
            self._unreadable_marks.pop(ulid, None)
        marked = [ulid for ulid, files in listed.items() if name in files]
        await map_concurrently(learn, [u for u in marked if self._mark_identities.get(u) != listed[u][name]])

    async def _has_lost_mark(self, ulid: str) -> bool:
        """Say whether a block is there without the mark that it had; one that is being deleted loses it last."""
        if await find_object(self._bucket, f"{ulid}/{MarkKind.DELETION.file_name}") is not None:
            return False
        return await self._still_has_meta(ulid) is not None

    async def _find_misfit(self, meta: BlockMeta, files: Files) -> str:
        """Return what does not fit between a meta and the files beside it; empty where all is well."""
        expected = {file.path: file.size_bytes for file in (meta.thanos.files if meta.thanos else ())}
        expected = {path: size for path, size in expected.items() if size is not None} or {INDEX_FILE: None}
        for path, size_bytes in expected.items():
            info = files.get(path)
            if _fits(info, size_bytes):
                continue
            info = await find_object(self._bucket, f"{meta.ulid}/{path}")  # the listing may be stale
            if not _fits(info, size_bytes):
                found = "no such file" if info is None else f"{info.size_bytes} bytes"
                return f"{path}: expected {size_bytes if size_bytes is not None else 'some'} bytes, found {found}"
            assert info is not None
            files[path] = info
        return ""

    def _apply_filters(self, blocks: Mapping[str, BlockMeta], listed: Mapping[str, Files]) -> dict[str, str]:
        modified_ms = {ulid: listed[ulid][META_FILE].modified_ms for ulid in blocks}
        facts = FilterFacts(now_ms=self._clock.now_ms(), marks=self._marks, modified_ms=modified_ms)
        left = dict(blocks)
        excluded: dict[str, str] = {}
        for block_filter in self._filters:
            reasons = block_filter.exclude(left, facts)
            excluded |= reasons
            left = {ulid: meta for ulid, meta in left.items() if ulid not in reasons}
        return excluded


def _check_size(info: ObjectInfo) -> None:
    if info.size_bytes > MAX_DOCUMENT_BYTES:
        expected = f"at most {MAX_DOCUMENT_BYTES} bytes"
        raise CorruptionError("size", source=info.key, offset=0, expected=expected, found=f"{info.size_bytes}")


def _fits(info: ObjectInfo | None, size_bytes: int | None) -> bool:
    return info is not None and size_bytes in (None, info.size_bytes)
