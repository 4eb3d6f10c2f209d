import hashlib
from pathlib import Path

import numpy as np
import pytest

from promontory.block import postings_spool, series_spool
from promontory.block.postings_spool import PostingsSpool
from promontory.block.writer import BlockWriter
from promontory.chunk.encode import encode_series
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def write_block(directory: Path) -> str:
    """Write 300 series of ten samples, seven at a time; return the digest of the index."""
    symbols = SymbolTable()
    with BlockWriter(directory, ulid=ULID, symbols=symbols, durable=False) as writer:
        for first in range(0, 300, 7):
            names = range(first, min(first + 7, 300))
            rows = [Labels(((b"__name__", b"m"), (b"n", b"%04d" % n), (b"z", b"%d" % (n % 3)))) for n in names]
            row_start = np.arange(0, 10 * len(rows) + 1, 10)
            chunks = encode_series(row_start, np.tile(np.arange(10), len(rows)), np.arange(10.0 * len(rows)))
            writer.add(LabelRows.from_labels(rows, symbols), chunks.columns(), [chunks.data])
        writer.finish()
    return hashlib.sha256((directory / ULID / "index").read_bytes()).hexdigest()


@pytest.mark.parametrize("series_bytes", [1, 2000])
@pytest.mark.parametrize("refs_bytes", [1, 3000])
@pytest.mark.parametrize("batch_refs", [1, 50, 1 << 20])
def test_an_index_is_the_same_whether_it_went_through_files_or_not(
    tmp_path, monkeypatch, series_bytes, refs_bytes, batch_refs
):
    in_memory = write_block(tmp_path / "memory")
    monkeypatch.setattr(series_spool, "SPOOL_BYTES", series_bytes)
    monkeypatch.setattr(postings_spool, "SPOOL_BYTES", refs_bytes)
    monkeypatch.setattr(postings_spool, "BATCH_REFS", batch_refs)
    assert write_block(tmp_path / "spooled") == in_memory
    assert sorted(path.name for path in (tmp_path / "spooled" / ULID).iterdir()) == [
        "chunks", "index", "meta.json", "tombstones",
    ]  # fmt: skip


def test_a_list_of_postings_keeps_its_order_over_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(postings_spool, "SPOOL_BYTES", 1)
    spool = PostingsSpool(tmp_path)
    for first in range(0, 50, 5):
        spool.append(np.array([3, 1, 3, 2, 1]), np.arange(first, first + 5, dtype=np.uint32))
    lists = {}
    for key, start, refs in spool.read():
        for place, number in enumerate(key.tolist()):
            assert number not in lists
            lists[number] = refs[start[place] : start[place + 1]].tolist()
    spool.close()
    assert list(lists) == [1, 2, 3]
    assert lists[3] == [first + step for first in range(0, 50, 5) for step in (0, 2)]
    assert all(refs == sorted(refs) for refs in lists.values())
