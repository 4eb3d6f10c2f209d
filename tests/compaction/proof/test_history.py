"""The proof's own parts: what was written is read back in plain Python."""

from __future__ import annotations

from pathlib import Path

from promontory.model.labels import Labels
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, Stream, write_history
from tests.compaction.proof.reading import join_raw, look


def test_a_history_written_as_blocks_is_read_back_in_plain_python(tmp_path: Path) -> None:
    stream = Stream({"cluster": "x", "replica": "a"})
    seen = stream.saw(EPOCH_MS, EPOCH_MS + 5 * HOUR_MS)
    write_history(tmp_path, seen, stream.labels, born_ms=EPOCH_MS + DAY_MS)
    lying = look(tmp_path)
    assert len(lying.blocks) == 3
    assert join_raw(tmp_path, lying.served(EPOCH_MS + DAY_MS)) == {Labels.from_mapping(stream.labels): seen}
