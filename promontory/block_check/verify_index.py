"""Verifying the frame of an index: head, TOC, the CRC of every section and list, symbols and tables in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import (
    CRC_BYTES,
    LENGTH_BYTES,
    SERIES_ALIGNMENT,
    TOC_BYTES,
    IndexToc,
    check_head,
    check_section,
    parse_toc,
)
from promontory.block.meta import INDEX_FILE
from promontory.block_check.fault import Faults
from promontory.block_check.index_view import IndexView, list_sections
from promontory.errors import CorruptionError
from promontory.kernels.block_checks import find_entry_ends, mark_padding, walk_entries

LIST_ALIGNMENT = 4
# Of the header that an IndexView makes of the index: its own head, before the symbols.
HEADER_HEAD_BYTES = 14

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


def check_index(data: Bytes, faults: Faults) -> IndexView | None:
    """Return the index, None where not even its symbols and tables can be read; note what is wrong with its frame."""
    try:
        check_head(data, source=INDEX_FILE)
    except CorruptionError as error:
        faults.add_corruption("index_head", INDEX_FILE, error)
    try:
        toc = parse_toc(data[-TOC_BYTES:], index_bytes=len(data), source=INDEX_FILE)
    except CorruptionError as error:
        faults.add_corruption("index_toc", INDEX_FILE, error)
        return None
    if not _check_sections(data, toc, faults):
        return None
    try:
        return IndexView(data, toc, source=INDEX_FILE)
    except CorruptionError as error:
        before = HEADER_HEAD_BYTES + toc.series - toc.symbols
        is_table = error.offset >= before
        shift = toc.postings_table - before if is_table else toc.symbols - HEADER_HEAD_BYTES
        faults.add_corruption("postings_table" if is_table else "symbols", INDEX_FILE, error, shift=shift)
        return None


def check_all_series(view: IndexView, faults: Faults) -> Longs:
    """Return int64[n]: the refs of all series, from their list or, where that is not good, from the section itself."""
    data, toc = view.data, view.toc
    try:
        refs = view.read_all_refs()
    except CorruptionError as error:
        faults.add_corruption("postings", INDEX_FILE, error)
        room = np.empty(-(-(toc.series_end - toc.series) // SERIES_ALIGNMENT), np.int64)
        count = walk_entries(data, toc.series, toc.series_end, SERIES_ALIGNMENT, room)
        return room[:count]
    position = refs * SERIES_ALIGNMENT
    inside = (position >= toc.series) & (position < toc.series_end)
    for ref in refs[~inside].tolist():
        problem = f"list of all series: expected refs of entries in [{toc.series}, {toc.series_end}), found {ref}"
        faults.add("postings", INDEX_FILE, problem, offset=SERIES_ALIGNMENT * ref)
    _check_gaps(view, position[inside], faults)
    return refs[inside]


def _check_gaps(view: IndexView, position: Longs, faults: Faults) -> None:
    """Note entries of the section that the list of all series does not name."""
    toc = view.toc
    entry_end = np.empty(len(position), np.int64)
    find_entry_ends(view.data, position, toc.series_end, entry_end)
    check_padding(view.data, np.append(toc.series, entry_end), SERIES_ALIGNMENT, toc.series_end, faults)
    begins = np.append(toc.series, np.where(entry_end < 0, position, entry_end))
    begins = -(-begins // SERIES_ALIGNMENT) * SERIES_ALIGNMENT
    ends = np.append(position, toc.series_end)
    is_known = np.append(True, entry_end >= 0)
    for place in np.flatnonzero(is_known & (begins < ends)).tolist():
        problem = (
            f"{ends[place] - begins[place]} bytes of the section are in no entry that the list of all series names"
        )
        faults.add("postings", INDEX_FILE, problem, offset=int(begins[place]))


def check_padding(data: Bytes, begin: Longs, alignment: int, end: int, faults: Faults) -> None:
    """Note padding that is not zero: from int64[n] `begin` (-1: none) up to the next multiple of `alignment`."""
    is_filled = np.empty(len(begin), np.uint8)
    if mark_padding(data, begin, alignment, end, is_filled):
        for place in begin[is_filled != 0].tolist():
            faults.add("padding", INDEX_FILE, "padding: expected zeros, found other bytes", offset=place)


def _check_sections(data: Bytes, toc: IndexToc, faults: Faults) -> bool:
    """Check the CRCs of the framed sections; say whether symbols and postings table are good."""
    is_readable = True
    for name, start, end in list_sections(toc):
        if name in ("symbols", "postings table", "label offset table") and start < end:
            is_good = _check_framed(data, name, start, end, faults) >= 0
            is_readable = is_readable and (is_good or name == "label offset table")
        elif name == "label indices":
            while 0 <= start < end - LENGTH_BYTES:
                check_padding(data, np.array([start]), LIST_ALIGNMENT, end, faults)
                start = _check_framed(data, "label index", _align(start), end, faults)
    return is_readable


def _check_framed(data: Bytes, name: str, start: int, end: int, faults: Faults) -> int:
    """Return where a framed section ends, -1 where it is not good."""
    try:
        _, content_end = check_section(data, start, end=end, what=name, source=INDEX_FILE, origin=0)
    except CorruptionError as error:
        faults.add_corruption(name.replace(" ", "_"), INDEX_FILE, error)
        return -1
    return content_end + CRC_BYTES


def _align(offset: int) -> int:
    return -(-offset // LIST_ALIGNMENT) * LIST_ALIGNMENT
