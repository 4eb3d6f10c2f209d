"""Each section of an index is, byte for byte, what Prometheus' own writer makes for the same series."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from promontory.block.index_layout import parse_toc
from promontory.block.index_writer import write_index
from promontory.block.series_spool import IndexedSeries, SeriesSpool
from promontory.kernels.index_write import CHUNK_ROOM, ENTRY_ROOM, encode_chunk_entries
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "index.hex.gz"
# In the file a section lies between these two offsets of the TOC.
SECTIONS = {
    "head": (None, "symbols"), "symbols": ("symbols", "series"), "series": ("series", "label_indices"),
    "label indices": ("label_indices", "postings"), "postings": ("postings", "label_offset_table"),
    "label offset table": ("label_offset_table", "postings_table"), "postings offset table": ("postings_table", None),
}  # fmt: skip


def series() -> list[Labels]:
    """Return the labels that make_index.go writes, in its order."""
    found = [Labels.from_mapping({"__name__": "up", "instance": f"host-{number:02d}"}) for number in range(70)]
    found += [
        Labels.from_mapping({"__name__": "größe", "ключ": "значение"}),
        Labels.from_mapping({"__name__": "long", "text": "x" * 300}),
        Labels.from_mapping({"a": "1"}),
        Labels.from_mapping({"a": "1", "b": "2"}),
        Labels(((b"a", b"\xff\xfe"),)),
    ]
    return sorted(found)


def write(path: Path) -> bytes:
    """Write the index of the series and the chunks that make_index.go invents for them."""
    rows = series()
    chunks = [
        (1_700_000_000_000 + c * 7_200_000 + i, i * c, 8 + i * 100_000 + c * 1000)
        for i in range(len(rows)) for c in range(i % 4 + 1)
    ]  # fmt: skip
    low, width, ref = (np.array(column, np.int64) for column in zip(*chunks, strict=True))
    chunk_start = np.concatenate([[0], np.cumsum([i % 4 + 1 for i in range(len(rows))])])
    out = np.empty(len(rows) * ENTRY_ROOM + len(chunks) * CHUNK_ROOM, np.uint8)
    entry_start = np.empty(len(rows) + 1, np.int64)
    assert encode_chunk_entries(chunk_start, low, low + width, ref, out, entry_start) == -1
    labels = LabelRows.from_labels(rows, SymbolTable())
    spool = SeriesSpool(path.parent, labels.symbols)
    half = len(rows) // 2
    for first, last in ((0, half), (half, len(rows))):
        start = entry_start[first : last + 1]
        entries = out[start[0] : start[-1]]
        spool.append(IndexedSeries(labels.slice(first, last), entries, start - start[0]))
    write_index(path, spool)
    spool.close()
    return path.read_bytes()


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_equals_that_of_prometheus(tmp_path: Path, section: str) -> None:
    golden = bytes.fromhex(gzip.decompress(GOLDEN.read_bytes()).decode())
    ours = write(tmp_path / "index")
    parts = []
    for body in (golden, ours):
        toc = parse_toc(np.frombuffer(body, np.uint8)[-52:], index_bytes=len(body), source="index")
        low, high = (getattr(toc, name) if name else None for name in SECTIONS[section])
        parts.append(body[low:high])
    assert len(parts[0]) > 0
    assert parts[0] == parts[1]
