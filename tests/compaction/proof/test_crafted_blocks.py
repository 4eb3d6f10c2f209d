"""Blocks that no writer of ours makes: chunks out of order in the index, and chunks beyond the end of the block.

Each is set aside with Thanos' word for it, is not touched, and its stream goes on around it. Readers get every sample.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from promontory.block.meta import BlockMeta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.time_range import TimeGrid
from tests.compaction.proof.asking import ask
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, MINUTE_MS, Content, Stream, change_meta, write_history
from tests.compaction.proof.listener import Listener
from tests.compaction.proof.oracle import cut
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.sites import Site, make_site
from tests.fuzz.index_targets import entry_content

END_MS = EPOCH_MS + 10 * HOUR_MS
NOW_MS = END_MS + 3 * HOUR_MS
BAD_START_MS, BAD_END_MS = EPOCH_MS + 2 * HOUR_MS, EPOCH_MS + 4 * HOUR_MS
X = Stream({"cluster": "x"}, interval_ms=MINUTE_MS // 2, kinds=("up_total", "temp"))
QUERIES = ("sum(rate(up_total[10m]))", "count_over_time(up_total[20m])", "max_over_time(temp[30m])")

Longs = NDArray[np.int64]


def write_backwards(
    chunk_start: Longs, min_ms: Longs, max_ms: Longs, ref: Longs, out: NDArray[np.uint8], entry_start: Longs
) -> int:
    """Write the chunks of index entries as the writer's kernel does, the last chunk of a series first."""
    at = 0
    for row, (first, end) in enumerate(zip(chunk_start[:-1].tolist(), chunk_start[1:].tolist(), strict=True)):
        chunks = [(int(min_ms[i]), int(max_ms[i]), int(ref[i])) for i in reversed(range(first, end))]
        content = entry_content([], chunks)[1:]
        entry_start[row] = at
        out[at : at + len(content)] = np.frombuffer(content, np.uint8)
        at += len(content)
    entry_start[-1] = at
    return -1


def make(root: Path) -> tuple[Site, Content]:
    """Make a stream of two-hour blocks, less the second one."""
    site = make_site(root)
    seen = X.saw(EPOCH_MS, END_MS)
    for low_ms, high_ms in ((EPOCH_MS, BAD_START_MS), (BAD_END_MS, END_MS)):
        write_history(site.bucket, cut(seen, low_ms, high_ms), X.labels, born_ms=END_MS)
    return site, seen


async def check_around(site: Site, bad: BlockMeta, seen: Content, *, reason: str) -> None:
    """See that a pass goes on around the bad block, and that readers see no difference."""
    grid = TimeGrid(EPOCH_MS, END_MS, 7 * MINUTE_MS)
    before = await ask(FilesystemBucket(site.bucket), QUERIES, grid, now_ms=NOW_MS)
    files = {path: path.read_bytes() for path in (site.bucket / bad.ulid).rglob("*") if path.is_file()}
    listener = Listener()
    for _ in range(2):
        await run_pass(site, CompactionSettings(), now_ms=NOW_MS, observer=listener)
        site.touch(NOW_MS)
    lying = site.look()
    assert lying.no_compact == {bad.ulid: reason}
    assert bad.ulid not in lying.deletions_s
    assert all(path.read_bytes() == body for path, body in files.items())
    others = [meta for meta in lying.unmarked() if meta.ulid != bad.ulid]
    ranges = [(meta.min_time_ms - EPOCH_MS, meta.max_time_ms - EPOCH_MS) for meta in others]
    assert ranges == [(hours * HOUR_MS, end * HOUR_MS) for hours, end in ((0, 2), (4, 8), (8, 10))]
    wanted = {
        labels: [sample for sample in samples if not BAD_START_MS <= sample[0] < BAD_END_MS]
        for labels, samples in seen.items()
    }
    assert join_raw(site.bucket, others) == {Labels.from_mapping(X.labels): wanted}
    assert await ask(FilesystemBucket(site.bucket), QUERIES, grid, now_ms=NOW_MS) == before


async def test_a_block_whose_chunks_are_out_of_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, seen = make(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("promontory.block.writer.encode_chunk_entries", write_backwards)
        (bad,) = write_history(site.bucket, cut(seen, BAD_START_MS, BAD_END_MS), X.labels, born_ms=END_MS)
    await check_around(site, bad, seen, reason="block-index-out-of-order-chunk")


async def test_a_block_with_a_chunk_that_begins_at_its_end(tmp_path: Path) -> None:
    """Prometheus wrote such blocks once: https://github.com/prometheus/tsdb/issues/347."""
    site, seen = make(tmp_path)
    inside = cut(seen, BAD_START_MS, BAD_END_MS + 1)
    (bad,) = write_history(site.bucket, inside, X.labels, range_ms=8 * HOUR_MS, born_ms=END_MS)

    def shorten(document: dict[str, object]) -> None:
        document["minTime"], document["maxTime"] = BAD_START_MS, BAD_END_MS

    bad = change_meta(site.bucket / bad.ulid, shorten)
    await check_around(site, bad, seen, reason="block-index-outside-chunk")


async def test_a_block_with_chunks_far_beyond_its_end(tmp_path: Path) -> None:
    site, seen = make(tmp_path)
    inside = cut(seen, BAD_START_MS, BAD_END_MS + 90 * MINUTE_MS)
    (bad,) = write_history(site.bucket, inside, X.labels, range_ms=8 * HOUR_MS, born_ms=END_MS)

    def shorten(document: dict[str, object]) -> None:
        document["minTime"], document["maxTime"] = BAD_START_MS, BAD_END_MS

    bad = change_meta(site.bucket / bad.ulid, shorten)
    await check_around(site, bad, seen, reason="block-index-outside-chunk")
