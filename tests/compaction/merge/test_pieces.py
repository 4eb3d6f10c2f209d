"""Native histograms are decoded a few at a time: a morsel of them would be a hundred times as large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promontory.block.block_set import write_blocks
from promontory.chunk import recode
from promontory.chunk.decode_samples import HISTOGRAM_ENCODINGS
from promontory.compaction.job import Deduplication
from promontory.compaction.merge import overlaps, pieces
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.testing.still_clock import StillClock
from tests.compaction.merge.made_blocks import OUTPUT, merge
from tests.compaction.merge.test_kinds import counted, find_refs, write_tombstones
from tests.compaction.proof.history import Content, bits_of, to_samples

SERIES = 12


def write_series(root: Path, *, shift_ms: int, tag: int) -> Path:
    """Write series of histograms, and one of floats."""
    content: Content = {
        Labels.from_mapping({"__name__": "h", "n": f"{number:02d}"}): [
            (time_ms + shift_ms, counted(time_ms // 10 + number)) for time_ms in range(0, 3000, 10)
        ]
        for number in range(SERIES)
    }
    content[Labels.from_mapping({"__name__": "i"})] = [(time_ms + shift_ms, bits_of(1.0)) for time_ms in range(500)]
    (meta,) = write_blocks(
        root, [to_samples(content, SymbolTable())], clock=StillClock(1000 + tag), block_range_ms=10**9,
        external_labels=Labels.from_mapping({"cluster": "one"}), entropy=bytes([tag]).ljust, durable=False,
    )  # fmt: skip
    return root / meta.ulid


@pytest.mark.parametrize("deduplication", list(Deduplication))
def test_a_merge_is_the_same_however_few_histograms_are_decoded_at_once(tmp_path, monkeypatch, deduplication):
    inputs = [write_series(tmp_path, shift_ms=tag * 3, tag=tag) for tag in range(2)]
    for block in inputs:
        write_tombstones(block, [(ref, 905, 1305) for ref in find_refs(block)])
    decoded_bytes: list[int] = []
    for module in (overlaps, recode):

        def watch(chunks, *rest, decode=module.decode_samples):
            heavy = np.isin(chunks.encoding, HISTOGRAM_ENCODINGS)
            decoded_bytes.append(int(chunks.length[heavy].sum()))
            return decode(chunks, *rest)

        monkeypatch.setattr(module, "decode_samples", watch)
    made, most = [], []
    for limit in (1 << 30, 1):
        monkeypatch.setattr(pieces, "HISTOGRAM_BYTES", limit)
        decoded_bytes.clear()
        merge(inputs, tmp_path / str(limit), deduplication)
        made.append([(tmp_path / str(limit) / OUTPUT / name).read_bytes() for name in ("index", "chunks/000001")])
        most.append(max(decoded_bytes))
    assert made[0] == made[1]
    assert most[0] > 4 * most[1]
