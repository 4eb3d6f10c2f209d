"""What is read of a block's index: matchers to postings, postings to series, by coalesced ranges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader
from promontory.block.index_layout import SERIES_ALIGNMENT, IndexToc
from promontory.block.meta import INDEX_FILE
from promontory.block.postings import PostingsGroup, combine_postings, plan_postings, read_postings
from promontory.block.series import Entries, SeriesRows, check_entries, read_series_rows
from promontory.errors import CorruptionError
from promontory.kernels.index import LONGEST_ENTRY_BYTES
from promontory.model.matcher import Matcher
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange
from promontory.store.byte_ranges import RangePlan, plan_ranges
from promontory.store.header_files import HeaderFile
from promontory.store.reads import ObjectRanges, ReadBack, Reading, cut_out

SERIES_BYTES = 64 << 10
"""What a series entry is taken to need where its end is not known, as in Thanos."""

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]


class BlockIndex:
    """Reads one block's index through its header."""

    def __init__(self, ulid: str, headers: HeaderFile, *, series_bytes: int = 0, gap_bytes: int) -> None:
        self._key = f"{ulid}/{INDEX_FILE}"
        self.source = f"index of block {ulid}"
        self._headers = headers
        self._series_bytes = series_bytes or SERIES_BYTES
        self._gap_bytes = gap_bytes

    @property
    def is_in_memory(self) -> bool:
        """Whether postings and entries are read without asking the bucket."""
        return self._headers.find_whole() is not None

    async def header(self) -> IndexHeader:
        """Return the header, opened on first use. Raises CorruptionError and BucketError."""
        return await self._headers.open()

    def expand(self, header: IndexHeader, matchers: Sequence[Matcher]) -> Reading[Refs]:
        """Return uint32[n]: the refs of the series that fulfil all matchers, rising. Raises CorruptionError."""
        groups = plan_postings(header, matchers)
        if groups is None:
            return np.empty(0, np.uint32)
        try:
            return (yield from self._combine(groups, header.toc))
        except CorruptionError:
            self._headers.doubt_whole()
            raise

    def _combine(self, groups: Sequence[PostingsGroup], toc: IndexToc) -> Reading[Refs]:
        starts, first = np.unique(np.concatenate([group.start for group in groups]), return_index=True)
        ends = np.concatenate([group.end for group in groups])[first]
        back, part, position = yield from self._read(plan_ranges(starts, ends, gap_bytes=self._gap_bytes), starts)
        lists = [self._read_group(group, starts, part, position, back) for group in groups]
        refs = combine_postings(groups, lists)
        self._check_refs(refs, toc)
        return refs

    def read_series(
        self, header: IndexHeader, refs: Refs, time_range: TimeRange, symbols: SymbolTable
    ) -> Reading[tuple[SeriesRows, CorruptionError | None]]:
        """Return the series of `refs` with chunks in the time range, and what is wrong with entries left out."""
        start = refs.astype(np.int64) * SERIES_ALIGNMENT
        section_end = header.toc.series_end
        end = np.minimum(start + self._series_bytes, section_end)
        end[:-1] = np.minimum(end[:-1], start[1:])
        entries = yield from self._read_entries(start, end, gap_bytes=self._gap_bytes)
        size, cut = self._series_bytes, entries.find_cut()
        while len(cut) and size < LONGEST_ENTRY_BYTES:  # longer than was thought; what is cut at 64 MiB is corrupt
            size = min(16 * size, LONGEST_ENTRY_BYTES)
            again = yield from self._read_entries(start[cut], np.minimum(start[cut] + size, section_end), gap_bytes=0)
            entries, cut = entries.replace_entries(cut, again), cut[again.find_cut()]
        rows, error = read_series_rows(
            entries, refs, header=header, symbols=symbols, time_range=time_range, source=self.source
        )
        if error is not None:
            self._headers.doubt_whole()
        return rows, error

    def _read_entries(self, start: Offsets, end: Offsets, *, gap_bytes: int) -> Reading[Entries]:
        back, part, position = yield from self._read(plan_ranges(start, end, gap_bytes=gap_bytes), start)
        return check_entries(back.data, position, (back.start + back.length)[part] if len(part) else part)

    def _read(self, plan: RangePlan, starts: Offsets) -> Reading[tuple[ReadBack, Offsets, Offsets]]:
        """Return what was read, and of each span the number of its range and its place in the data."""
        if not len(starts):
            return ReadBack(np.empty(0, np.uint8), starts, starts, {}), starts, starts
        asked = ObjectRanges(self._key, plan.ranges())
        whole = self._headers.find_whole()
        back = (yield [asked]) if whole is None else cut_out(whole, asked)
        back.check_whole(asked, source=self.source)
        return back, plan.part, plan.positions(starts) + back.start[plan.part]

    def _read_group(
        self, group: PostingsGroup, starts: Offsets, part: Offsets, position: Offsets, back: ReadBack
    ) -> Refs:
        span = np.searchsorted(starts, group.start)
        lists = []
        for number in np.unique(part[span]).tolist():
            inside = span[part[span] == number]
            first, end = int(back.start[number]), int(back.start[number] + back.length[number])
            place = np.ascontiguousarray(position[inside] - first)
            origin = int(starts[inside[0]] - place[0])
            lists.append(read_postings(back.data[first:end], place, origin=origin, source=self.source))
        return lists[0] if len(group.start) == 1 else np.unique(np.concatenate(lists))

    def _check_refs(self, refs: Refs, toc: IndexToc) -> None:
        for ref in (refs[:1].tolist() + refs[-1:].tolist()) if len(refs) else []:
            offset = ref * SERIES_ALIGNMENT
            if not toc.series <= offset < toc.series_end:
                expected = f"refs of entries in [{toc.series}, {toc.series_end})"
                raise CorruptionError(
                    "postings list", source=self.source, offset=toc.postings, expected=expected, found=str(offset)
                )
