"""Samples that were deleted, of a block with tombstones, are in no answer and not in what the block is merged into."""

from __future__ import annotations

import json
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.model.time_range import TimeGrid
from tests.block.plain_block import read_block
from tests.compaction.proof.asking import RAW_QUERIES, ask
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, MINUTE_MS, Content, change_meta
from tests.compaction.proof.oracle import cut
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.scenarios import Scenario, make_horizontal
from tests.fuzz.index_targets import signed_varint, uvarint
from tests.hostile_block import series_refs
from tests.program.block_tool.small_block import tombstones

GRID = TimeGrid(EPOCH_MS, EPOCH_MS + 10 * HOUR_MS, 7 * MINUTE_MS)
# Of the third block, by name: a part of one series, from chunk to chunk, and the whole of another.
DELETED = {
    b"up_total": (EPOCH_MS + 6 * HOUR_MS + 11 * MINUTE_MS, EPOCH_MS + 7 * HOUR_MS + 40 * MINUTE_MS),
    b"temp": (0, EPOCH_MS + 100 * HOUR_MS),
}


def delete_samples(root: Path, meta: BlockMeta) -> None:
    """Write the tombstones, as Prometheus' delete API does."""
    block = root / meta.ulid
    entries = b""
    for ref, series in zip(series_refs(block), read_block(block), strict=True):
        low_ms, high_ms = DELETED.get(series.labels.get(b"__name__"), (1, 0))
        if low_ms < high_ms:
            entries += uvarint(ref) + signed_varint(low_ms) + signed_varint(high_ms)
    (block / "tombstones").write_bytes(tombstones(entries))

    def count(document: dict[str, object]) -> None:
        stats = document["stats"]
        assert isinstance(stats, dict)
        stats["numTombstones"] = len(DELETED)

    change_meta(block, count)


def without_deleted(content: Content, meta: BlockMeta) -> Content:
    left: Content = {}
    for labels, samples in content.items():
        low_ms, high_ms = DELETED.get(labels.get(b"__name__"), (1, 0))
        left[labels] = [
            sample
            for sample in samples
            if not (max(low_ms, meta.min_time_ms) <= sample[0] <= min(high_ms, meta.max_time_ms - 1))
        ]
    return left


async def answers(scenario: Scenario) -> dict[str, bytes]:
    return await ask(FilesystemBucket(scenario.site.bucket), RAW_QUERIES, GRID, now_ms=scenario.now_ms)


async def test_deleted_samples_are_gone_from_answers_and_from_the_merged_block(tmp_path: Path) -> None:
    scenario = make_horizontal(tmp_path)
    site = scenario.site
    whole = await answers(scenario)
    meta = site.look().unmarked()[2]
    delete_samples(site.bucket, meta)
    before = await answers(scenario)
    assert {text for text in RAW_QUERIES if before[text] != whole[text]} >= {"max_over_time(temp[30m])"}
    await run_pass(site, scenario.settings, now_ms=scenario.now_ms)
    site.touch(scenario.now_ms)
    lying = site.look()
    assert not lying.no_compact
    merged = lying.unmarked()[0]
    assert merged.max_time_ms - merged.min_time_ms == 8 * HOUR_MS
    assert await answers(scenario) == before
    (x,) = scenario.held
    wanted = without_deleted(scenario.held[x], meta)
    assert cut(wanted, EPOCH_MS, EPOCH_MS + 10 * HOUR_MS) != scenario.held[x]
    assert join_raw(site.bucket, lying.unmarked()) == {x: wanted}
    found = json.loads((site.bucket / merged.ulid / "meta.json").read_text())["stats"]
    assert not found.get("numTombstones")
