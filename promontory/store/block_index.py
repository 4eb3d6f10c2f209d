"""The I/O of a block's index: matchers to postings, postings to series, by coalesced range reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader
from promontory.block.index_layout import SERIES_ALIGNMENT, IndexToc
from promontory.block.meta import INDEX_FILE
from promontory.block.postings import PostingsGroup, combine_postings, plan_postings, read_postings
from promontory.block.series import SeriesRows, find_cut_entries, read_series_rows
from promontory.bucket.port import Bucket
from promontory.errors import CorruptionError
from promontory.kernels.index import LONGEST_ENTRY_BYTES
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher
from promontory.model.time_range import TimeRange
from promontory.store.byte_ranges import RangePlan, join_parts, plan_ranges, read_plan
from promontory.store.header_files import HeaderFile

SERIES_BYTES = 64 << 10
"""What a series entry is taken to need where its end is not known, as in Thanos."""

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]


class BlockIndex:
    """Reads one block's index through its header."""

    def __init__(
        self, bucket: Bucket, ulid: str, headers: HeaderFile, *, series_bytes: int = 0, gap_bytes: int
    ) -> None:
        self._bucket = bucket
        self._key = f"{ulid}/{INDEX_FILE}"
        self.source = f"index of block {ulid}"
        self._headers = headers
        self._series_bytes = series_bytes or SERIES_BYTES
        self._gap_bytes = gap_bytes

    async def header(self) -> IndexHeader:
        """Return the header, opened on first use. Raises CorruptionError and BucketError."""
        return await self._headers.open()

    async def expand(self, matchers: Sequence[Matcher], context: QueryContext) -> Refs:
        """Return uint32[n]: the refs of the series that fulfil all matchers, rising. Raises CorruptionError."""
        header = await self.header()
        groups = await context.run(plan_postings, header, matchers)
        if groups is None:
            return np.empty(0, np.uint32)
        starts, first = np.unique(np.concatenate([group.start for group in groups]), return_index=True)
        ends = np.concatenate([group.end for group in groups])[first]
        plan = plan_ranges(starts, ends, gap_bytes=self._gap_bytes)
        parts = await read_plan(self._bucket, self._key, plan, source=self.source)
        refs = await context.run(self._combine, groups, starts, plan, parts)
        self._check_refs(refs, header.toc)
        return refs

    async def read_series(self, refs: Refs, time_range: TimeRange, context: QueryContext) -> SeriesRows:
        """Return the series of `refs` with chunks in the time range; entries that are corrupt are tolerated."""
        header = await self.header()
        start = refs.astype(np.int64) * SERIES_ALIGNMENT
        end = np.minimum(start + self._series_bytes, header.toc.series_end)
        end[:-1] = np.minimum(end[:-1], start[1:])
        plan = plan_ranges(start, end, gap_bytes=self._gap_bytes)
        parts = await read_plan(self._bucket, self._key, plan, source=self.source)
        entries = await context.run(join_parts, parts, plan, start)
        data, position, limit = await self._read_cut(entries, start, header.toc.series_end, context)
        rows, error = await context.run(
            read_series_rows, data, position, limit, refs,
            header=header, symbols=context.symbols, time_range=time_range, source=self.source,
        )  # fmt: skip
        if error is not None:
            context.tolerate(error)
        return rows

    async def _read_cut(
        self, entries: tuple[Bytes, Offsets, Offsets], start: Offsets, section_end: int, context: QueryContext
    ) -> tuple[Bytes, Offsets, Offsets]:
        """Read entries again that are longer than was thought; what is still cut at 64 MiB counts as corrupt."""
        data, position, limit = entries
        cut = await context.run(find_cut_entries, data, position, limit)
        size = self._series_bytes
        while len(cut) and size < LONGEST_ENTRY_BYTES:
            size = min(16 * size, LONGEST_ENTRY_BYTES)
            plan = plan_ranges(start[cut], np.minimum(start[cut] + size, section_end), gap_bytes=0)
            parts = await read_plan(self._bucket, self._key, plan, source=self.source)
            more, position[cut], limit[cut] = join_parts(parts, plan, start[cut])
            position[cut] += len(data)
            limit[cut] += len(data)
            data = np.concatenate([data, more])
            cut = cut[await context.run(find_cut_entries, data, position[cut], limit[cut])]
        return data, position, limit

    def _combine(
        self, groups: Sequence[PostingsGroup], starts: Offsets, plan: RangePlan, parts: Sequence[Bytes]
    ) -> Refs:
        return combine_postings(groups, [self._read_group(group, starts, plan, parts) for group in groups])

    def _read_group(self, group: PostingsGroup, starts: Offsets, plan: RangePlan, parts: Sequence[Bytes]) -> Refs:
        part_of = plan.part[np.searchsorted(starts, group.start)]
        lists = []
        for number in np.unique(part_of):
            origin = int(plan.start[number])
            inside = np.ascontiguousarray(group.start[part_of == number] - origin)
            lists.append(read_postings(parts[number], inside, origin=origin, source=self.source))
        return lists[0] if len(group.start) == 1 else np.unique(np.concatenate(lists))

    def _check_refs(self, refs: Refs, toc: IndexToc) -> None:
        for ref in (refs[:1].tolist() + refs[-1:].tolist()) if len(refs) else []:
            offset = ref * SERIES_ALIGNMENT
            if not toc.series <= offset < toc.series_end:
                expected = f"refs of entries in [{toc.series}, {toc.series_end})"
                raise CorruptionError(
                    "postings list", source=self.source, offset=toc.postings, expected=expected, found=str(offset)
                )
