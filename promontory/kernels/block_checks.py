"""What a block must keep beside its checksums: order of series, whole postings, times of chunks.

    series      labels of one entry after those of the entry before
    postings    the list of a label value names the series that have it, each once
    chunk       times rise, from the first to the last that the index says

Every function marks all that is wrong; none stops at the first. Source: prometheus tsdb/docs/format/index.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.chunk_records import RECORD_CUT, RECORD_GOOD, RECORD_MALFORMED
from promontory.kernels.chunk_write import count_samples
from promontory.kernels.compile import kernel
from promontory.kernels.varint import read_uvarint

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
Refs = NDArray[np.uint32]

LIST_WHOLE, LIST_MISSES, LIST_ADDS, LIST_UNREAD = 0, 1, 2, 3
TIMES_GOOD, TIMES_NONE, TIMES_FIRST, TIMES_LAST, TIMES_EQUAL, TIMES_OUTSIDE = 0, 1, 2, 3, 4, 5
EXACT, INSIDE, ANYWHERE = 0, 1, 2


@kernel("int64(int64[::1], int64[:, ::1], uint8[::1], uint8[::1])")
def mark_unsorted(row_start: Longs, refs: Longs, is_bad: Bytes, unsorted: Bytes) -> int:
    """Mark the rows whose labels do not come after those of the last good row before; return that last row, or -1.

    row_start: int64[n + 1] · refs: int64[2, p], symbols of names and values, which are in order · is_bad, unsorted:
    uint8[n]
    """
    before = -1
    for row in range(len(is_bad)):
        unsorted[row] = 0
        if is_bad[row] != 0:
            continue
        if before >= 0:
            left = row_start[before]
            right = row_start[row]
            order = 0
            while order == 0 and left < row_start[before + 1] and right < row_start[row + 1]:
                order = refs[0, right] - refs[0, left]
                if order == 0:
                    order = refs[1, right] - refs[1, left]
                left += 1
                right += 1
            if order < 0 or (order == 0 and right == row_start[row + 1]):
                unsorted[row] = 1
        before = row
    return before


@kernel("boolean(int64[::1], int64)")
def holds(numbers: Longs, wanted: int) -> bool:
    """Say whether a number is among int64[n] rising ones."""
    low = 0
    high = len(numbers)
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < len(numbers) and numbers[low] == wanted


@kernel("int64(uint32[::1], int64, int64, int64, int64[::1])")
def skip_unread(refs: Refs, at: int, end: int, below: int, unread: Longs) -> int:
    """Return the first place of [at, end) whose series is not below `below`, or was read and so is one too many."""
    while at < end and np.int64(refs[at]) < below and holds(unread, int(refs[at])):
        at += 1
    return at


@kernel("void(int64[::1], int64[::1], uint32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1])")
def match_lists(
    entry: Longs, ref: Longs, refs: Refs, list_end: Longs, place: Longs, fault: Bytes, wrong: Longs, unread: Longs
) -> None:  # fmt: skip
    """Walk the lists along with p pairs of a label and a series, series rising, and note where they part.

    entry, ref: int64[p], the list of the label and the series · refs: uint32, all lists · list_end, place: int64[e],
    where each ends and how far it was walked · fault: uint8[e], a LIST_ status · wrong: int64[e], its first series ·
    unread: int64[u], rising, series whose labels are not known
    """
    for pair in range(len(entry)):
        number = entry[pair]
        if fault[number] == LIST_UNREAD:
            continue
        at = place[number]
        while at < list_end[number] and np.int64(refs[at]) < ref[pair]:
            at = skip_unread(refs, at, list_end[number], ref[pair], unread)
            if at < list_end[number] and np.int64(refs[at]) < ref[pair]:
                if fault[number] == LIST_WHOLE:
                    fault[number] = LIST_ADDS
                    wrong[number] = np.int64(refs[at])
                at += 1
        if at < list_end[number] and np.int64(refs[at]) == ref[pair]:
            at += 1
        elif fault[number] == LIST_WHOLE:
            fault[number] = LIST_MISSES
            wrong[number] = ref[pair]
        place[number] = at


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], boolean[::1], uint8[::1], int64[::1])")
def check_times(
    chunk_start: Longs, times: Longs, min_ms: Longs, max_ms: Longs, reach: Bytes, may_repeat: NDArray[np.bool_],
    fault: Bytes, found: Longs,
) -> None:  # fmt: skip
    """Compare the times of c decoded chunks with what the index says of them; times do not fall, but may be equal.

    reach: uint8[c]: EXACT where the first and last time are those of the index, INSIDE where they lie between them,
    ANYWHERE · may_repeat: bool[c] · fault: uint8[c], a TIMES_ status · found: int64[c], the time that is wrong
    """
    for chunk in range(len(fault)):
        fault[chunk] = TIMES_GOOD
        found[chunk] = 0
        begin = chunk_start[chunk]
        end = chunk_start[chunk + 1]
        if begin == end:
            fault[chunk] = TIMES_NONE
            continue
        first = times[begin]
        last = times[end - 1]
        repeats = False
        for i in range(begin + 1, end):
            repeats = repeats or times[i] == times[i - 1]
        if reach[chunk] == EXACT and first != min_ms[chunk]:
            fault[chunk] = TIMES_FIRST
            found[chunk] = first
        elif reach[chunk] == EXACT and last != max_ms[chunk]:
            fault[chunk] = TIMES_LAST
            found[chunk] = last
        elif reach[chunk] == INSIDE and (first < min_ms[chunk] or last > max_ms[chunk]):
            fault[chunk] = TIMES_OUTSIDE
            found[chunk] = first if first < min_ms[chunk] else last
        elif repeats and not may_repeat[chunk]:
            fault[chunk] = TIMES_EQUAL
            at = begin + 1
            while times[at] != times[at - 1]:
                at += 1
            found[chunk] = times[at]


@kernel("void(octets, int64[::1], uint8[::1], uint8[::1], int64[::1], int64[::1])")
def read_heads(data: Bytes, position: Longs, status: Bytes, encoding: Bytes, length: Longs, samples: Longs) -> None:
    """Read what the records at `position` say of themselves, without their checksums; all arrays have n entries.

    length: bytes of the payload · samples: how many it claims · status: RECORD_GOOD, _CUT or _MALFORMED
    """
    end = len(data)
    for index in range(len(position)):
        begin = position[index]
        encoding[index] = 0
        length[index] = 0
        samples[index] = 0
        size = 0
        after = -1
        if 0 <= begin < end:
            size, after = read_uvarint(data, begin, end)
        if after < 0 or size < 0:
            status[index] = RECORD_MALFORMED
            continue
        if after + 1 + size + 4 > end:
            status[index] = RECORD_CUT
            continue
        status[index] = RECORD_GOOD
        encoding[index] = data[after]
        length[index] = size
        samples[index] = count_samples(data, after + 1, size, data[after])


@kernel("void(octets, int64[::1], int64, int64[::1])")
def find_entry_ends(data: Bytes, position: Longs, end: int, entry_end: Longs) -> None:
    """Fill int64[n] with where each series entry ends, its checksum included; -1 where that is past `end`."""
    for row in range(len(position)):
        entry_end[row] = -1
        if 0 <= position[row] < end:
            length, after = read_uvarint(data, position[row], end)
            if after >= 0 and 0 <= length <= end - after - 4:
                entry_end[row] = after + length + 4


@kernel("int64(octets, int64, int64, int64, int64[::1])")
def walk_entries(data: Bytes, position: int, end: int, alignment: int, refs: Longs) -> int:
    """Write the refs of the entries in data[position:end], one after the other; return how many.

    refs: int64[ceil((end - position) / alignment)]. Ends at the first entry that goes on past `end`.
    """
    count = 0
    while True:
        position = (position + alignment - 1) // alignment * alignment
        if position >= end:
            return count
        length, after = read_uvarint(data, position, end)
        if after < 0 or length <= 0 or length > end - after - 4:
            return count
        refs[count] = position // alignment
        count += 1
        position = after + length + 4


@kernel("int64(octets, int64[::1], int64, int64, uint8[::1])")
def mark_padding(data: Bytes, begin: Longs, alignment: int, end: int, is_filled: Bytes) -> int:
    """Mark where the bytes from begin[i] up to the next multiple of `alignment`, or `end`, are not all zero.

    begin: int64[n], one below 0 has none · is_filled: uint8[n] · Returns how many are marked.
    """
    count = 0
    for i in range(len(begin)):
        is_filled[i] = 0
        if begin[i] >= 0:
            stop = min((begin[i] + alignment - 1) // alignment * alignment, end)
            for place in range(begin[i], stop):
                if data[place] != 0:
                    is_filled[i] = 1
        count += is_filled[i]
    return count
