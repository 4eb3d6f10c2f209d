"""Verifying postings: every label value has one list, and that names the series that have it, each once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import ALL_POSTINGS
from promontory.block.meta import INDEX_FILE
from promontory.block_check.fault import Faults
from promontory.block_check.index_view import IndexView, SeriesWindow, show_labels
from promontory.block_check.verify_index import LIST_ALIGNMENT, check_padding
from promontory.kernels.block_checks import LIST_ADDS, LIST_MISSES, LIST_UNREAD, LIST_WHOLE, match_lists, skip_unread
from promontory.kernels.postings import LIST_BAD_CRC, LIST_CUT, LIST_GOOD, LIST_MALFORMED, measure_lists, read_lists
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

REF_BYTES = 4
MAX_REF = 1 << 32
# Length, count and CRC of a list.
FRAME_BYTES = 12

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_EXPECTED = {
    LIST_CUT: ("a list inside the index", "one that goes on past its end"),
    LIST_BAD_CRC: ("the stored CRC", "another one"),
    LIST_MALFORMED: ("rising refs that fill the list", "others"),
}


class PostingsCheck:
    """Holds all lists of an index, and walks them along with its series.

    e lists: label int64[e], name symbol * symbols + value symbol, rising · start int64[e], in the index · refs uint32,
    all lists one after the other · place, list_end int64[e] · fault uint8[e] · wrong int64[e], series refs
    """

    def __init__(self, view: IndexView, faults: Faults) -> None:
        self._view = view
        self._faults = faults
        self._symbols = view.header.symbol_count
        self._label, self._start = _read_table(view)
        count = np.zeros(len(self._start), np.int64)
        self._fault = self._measure(count)
        self._refs = np.empty(int(count.sum()), np.uint32)
        self._list_end = np.cumsum(count)
        self._place = self._list_end - count
        self._read(count)
        self._check_padding(count)
        self._wrong = np.zeros(len(self._start), np.int64)
        self._unlisted: dict[int, int] = {}
        self._unread = np.empty(0, np.int64)

    def add(self, window: SeriesWindow) -> None:
        """Walk the lists along with the series of a window, which come in order of their refs."""
        self._unread = np.concatenate([self._unread, window.ref[window.status != 0]])
        pairs = np.diff(window.row_start)
        good = np.repeat(window.status == 0, pairs)
        label = (window.label_refs[0] * self._symbols + window.label_refs[1])[good]
        ref = np.repeat(window.ref, pairs)[good]
        entry = np.minimum(np.searchsorted(self._label, label), max(0, len(self._label) - 1))
        is_listed = self._label[entry] == label if len(self._label) else np.zeros(len(label), np.bool_)
        if not is_listed.all():
            for one, series in zip(label[~is_listed].tolist(), ref[~is_listed].tolist(), strict=True):
                self._unlisted.setdefault(one, series)
            entry, ref = entry[is_listed], ref[is_listed]
        match_lists(
            np.ascontiguousarray(entry), np.ascontiguousarray(ref), self._refs, self._list_end, self._place,
            self._fault, self._wrong, self._unread,
        )  # fmt: skip

    def finish(self) -> None:
        """Note what is wrong with the lists; call it after the last window."""
        for entry in np.flatnonzero((self._place < self._list_end) & (self._fault == LIST_WHOLE)).tolist():
            place, end = int(self._place[entry]), int(self._list_end[entry])
            place = skip_unread(self._refs, place, end, MAX_REF, self._unread)
            if place < end:
                self._fault[entry], self._wrong[entry] = LIST_ADDS, self._refs[place]
        words = {LIST_ADDS: "names series {}, which does not have it", LIST_MISSES: "does not name series {}"}
        for status, text in words.items():
            for entry in np.flatnonzero(self._fault == status).tolist():
                problem = f"postings list of {self._name(int(self._label[entry]))} " + text.format(self._wrong[entry])
                self._faults.add("postings", INDEX_FILE, problem, offset=int(self._start[entry]))
        for label, series in self._unlisted.items():
            problem = f"postings table has no list of {self._name(label)}, which series {series} has"
            self._faults.add("postings", INDEX_FILE, problem, offset=self._view.toc.postings_table)

    def _measure(self, count: Longs) -> Bytes:
        fault = np.full(len(self._start), LIST_WHOLE, np.uint8)
        first = 0
        while first < len(count):
            done, status = measure_lists(self._view.data, self._start[first:], count[first:])
            first += done
            if first < len(count):
                self._note(first, status, fault, count)
                first += 1
        return fault

    def _read(self, count: Longs) -> None:
        first = 0
        while first < len(count):
            at = int(self._place[first])
            first += read_lists(self._view.data, self._start[first:], count[first:], self._refs[at:])
            if first < len(count):
                self._note(first, LIST_MALFORMED, self._fault, None)
                first += 1

    def _check_padding(self, count: Longs) -> None:
        """Note padding between the lists that is not zero."""
        toc, data = self._view.toc, self._view.data
        span = self._view.header.find_list(ALL_POSTINGS, b"")
        every = np.zeros(1, np.int64)
        if span is None or measure_lists(data, np.array(span[:1], np.int64), every)[1] != LIST_GOOD:
            return
        good = self._fault != LIST_UNREAD
        starts, counts = np.append(self._start[good], span[0]), np.append(count[good], every)
        ends = np.sort(starts + FRAME_BYTES + REF_BYTES * counts)
        check_padding(data, np.append(toc.postings, ends), LIST_ALIGNMENT, toc.postings_end, self._faults)

    def _note(self, entry: int, status: int, fault: Bytes, count: Longs | None) -> None:
        expected, found = _EXPECTED[status]
        problem = f"postings list of {self._name(int(self._label[entry]))}: expected {expected}, found {found}"
        self._faults.add("postings", INDEX_FILE, problem, offset=int(self._start[entry]))
        fault[entry] = LIST_UNREAD
        if count is not None:
            count[entry] = 0

    def _name(self, label: int) -> str:
        symbols = SymbolTable()
        if label < 0:
            return "a label that is not among the symbols"
        codes = self._view.header.intern(np.array(divmod(label, self._symbols), np.int64), symbols)
        name, value = (symbols.text(int(code)) for code in codes)
        return show_labels(Labels(((name, value),)))


def _read_table(view: IndexView) -> tuple[Longs, Longs]:
    """Return (label, start), both int64[e]; a label of -1 is not among the symbols."""
    header = view.header
    symbols = SymbolTable()
    codes = header.intern(np.arange(header.symbol_count), symbols)
    labels, starts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    known = len(symbols)
    symbol_of = np.full(known + 1, -1, np.int64)
    symbol_of[codes] = np.arange(header.symbol_count)
    for name in header.label_names():
        table = header.read_values(name)
        code = symbols.find(name)
        value = symbols.intern_spans(table.data, table.value_start, table.value_end)
        value_symbol = symbol_of[np.where(value < known, value, known)]
        name_symbol = -1 if code is None or code >= known else int(symbol_of[code])
        is_known = (value_symbol >= 0) & (name_symbol >= 0)
        labels.append(np.where(is_known, name_symbol * header.symbol_count + value_symbol, -1))
        starts.append(table.list_start)
    label, start = np.concatenate(labels), np.concatenate(starts)
    order = np.argsort(label, kind="stable")
    return label[order], start[order]
