"""Label sets as JSON objects, from codes: each distinct string is looked at once, a kernel writes whole rows."""

from __future__ import annotations

import numpy as np
import orjson
from numpy.typing import NDArray

from promontory.kernels.json import find_special, write_labels, write_list
from promontory.model.label_rows import LabelRows
from promontory.model.labels import METRIC_NAME


class LabelText:
    """The label sets of an answer, ready to be written in pieces. Invalid UTF-8 becomes U+FFFD."""

    def __init__(self, labels: LabelRows, drop_name: NDArray[np.bool_] | None = None) -> None:
        self._labels = labels
        self._is_kept = _kept_pairs(labels, drop_name)
        blob, start = labels.symbols.arrays()
        known = len(labels.symbols)
        self._blob = blob
        self._start = start[:known].copy()
        self._end = start[1 : known + 1].copy()
        self._escape(known)

    def write(self, first: int, end: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the JSON objects of rows [first, end): their bytes and int64[n + 1] where each begins."""
        labels = self._labels
        row_start = labels.row_start[first : end + 1]
        pairs = slice(int(row_start[0]), int(row_start[-1]))
        name, value = labels.name[pairs], labels.value[pairs]
        lengths = self._end - self._start
        room = int(lengths[name].sum() + lengths[value].sum()) + 6 * len(name) + 2 * (end - first)
        out = np.empty(room, np.uint8)
        out_start = np.empty(end - first + 1, np.int64)
        size = write_labels(
            row_start - row_start[0], np.ascontiguousarray(name), np.ascontiguousarray(value),
            self._is_kept[pairs], self._blob, self._start, self._end, out, out_start,
        )  # fmt: skip
        return out[:size], out_start

    def write_list(self, first: int, end: int) -> bytes:
        """Return the JSON objects of rows [first, end), a comma after each."""
        texts, start = self.write(first, end)
        out = np.empty(len(texts) + end - first, np.uint8)
        return out[: write_list(texts, start, out)].tobytes()

    def _escape(self, known: int) -> None:
        is_used = np.zeros(known, bool)
        is_used[self._labels.name] = True
        is_used[self._labels.value] = True
        is_special = np.zeros(known, bool)
        if find_special(self._blob, self._start, self._end, is_used, is_special) == 0:
            return
        codes = np.flatnonzero(is_special)
        texts = [escape_text(self._labels.symbols.text(int(code))) for code in codes]
        ends = len(self._blob) + np.cumsum([len(text) for text in texts])
        self._start[codes] = ends - [len(text) for text in texts]
        self._end[codes] = ends
        self._blob = np.concatenate([self._blob, np.frombuffer(b"".join(texts), np.uint8)])


def escape_text(text: bytes) -> bytes:
    """Return a string as it stands between JSON's quotes."""
    return orjson.dumps(text.decode(errors="replace"))[1:-1]


def _kept_pairs(labels: LabelRows, drop_name: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    is_kept = np.ones(len(labels.name), bool)
    if drop_name is None or not drop_name.any():
        return is_kept
    name_code = labels.symbols.find(METRIC_NAME)
    if name_code is not None:
        is_kept &= ~(np.repeat(drop_name, np.diff(labels.row_start)) & (labels.name == name_code))
    return is_kept
