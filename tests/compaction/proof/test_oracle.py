"""The oracle asks one history the same, however it is cut."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.filesystem import FilesystemBucket
from promontory.model.time_range import TimeGrid
from tests.compaction.proof.asking import RAW_QUERIES, ask
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, Stream, write_history


async def test_answers_do_not_depend_on_how_a_history_is_cut_into_blocks(tmp_path: Path) -> None:
    stream = Stream({"cluster": "x", "replica": "a"})
    seen = stream.saw(EPOCH_MS, EPOCH_MS + 8 * HOUR_MS)
    grid = TimeGrid(EPOCH_MS, EPOCH_MS + 8 * HOUR_MS, 7 * MINUTE_MS)
    answers = []
    for hours in (2, 8):
        root = tmp_path / str(hours)
        write_history(root, seen, stream.labels, range_ms=hours * HOUR_MS, born_ms=EPOCH_MS + DAY_MS)
        answers.append(await ask(FilesystemBucket(root), RAW_QUERIES, grid, now_ms=EPOCH_MS + DAY_MS))
    assert answers[0] == answers[1]
    assert {query: len(answer) for query, answer in answers[0].items() if len(answer) < 400} == {}
