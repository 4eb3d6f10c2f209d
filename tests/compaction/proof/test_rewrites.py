"""Blocks without their retired series take the place of what they were made of, whenever a pass was cut off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.compaction.ladder import Ladder, SeriesRule, default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.proof.history import DAY_MS
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import read_raw, read_windows
from tests.compaction.proof.scenarios import Scenario, make_downsampling

RULE = SeriesRule((Matcher(MatchKind.EQUAL, b"__name__", b"temp"),), DAY_MS)
(STREAM,) = default_ladder().streams
# The tests let days pass without a new sample.
RETIRING = CompactionSettings(ladder=Ladder((replace(STREAM, series=(RULE,)),)), deletion_share=1.0)


def compact(scenario: Scenario, settings: CompactionSettings = RETIRING, *, days: int = 2) -> None:
    now_ms = scenario.now_ms + days * DAY_MS
    asyncio.run(run_pass(scenario.site, settings, now_ms=now_ms))
    scenario.site.touch(now_ms)


def long_blocks(scenario: Scenario) -> list[BlockMeta]:
    """Return the unmarked blocks of the two days, finest first."""
    lying = scenario.site.look()
    assert not lying.no_compact
    return [meta for meta in lying.unmarked() if meta.max_time_ms - meta.min_time_ms == 2 * DAY_MS]


def names(scenario: Scenario, meta: BlockMeta) -> set[bytes]:
    path = scenario.site.bucket / meta.ulid
    held = read_windows(path) if meta.resolution_ms else read_raw(path)
    return {labels.get(b"__name__") for labels in held}


def test_what_is_coarser_is_made_again_of_a_rewritten_block(tmp_path: Path) -> None:
    scenario = make_downsampling(tmp_path / "site")
    compact(scenario, CompactionSettings(), days=0)
    assert [meta.resolution_ms for meta in long_blocks(scenario)] == [0, 300_000]
    compact(scenario)
    compact(scenario)
    found = long_blocks(scenario)
    assert [meta.resolution_ms for meta in found] == [0, 300_000]
    assert [names(scenario, meta) for meta in found] == [{b"up_total", b"latency", b"sizes"}] * 2


def test_a_rewritten_block_covers_its_input_where_a_pass_ended_before_the_mark(tmp_path: Path) -> None:
    scenario = make_downsampling(tmp_path / "site")
    compact(scenario)
    for path in scenario.site.bucket.glob(f"*/{MarkKind.DELETION.file_name}"):
        path.unlink()
    compact(scenario)
    found = long_blocks(scenario)
    assert [names(scenario, meta) for meta in found] == [{b"up_total", b"latency", b"sizes"}] * 2


def test_of_one_rewrite_done_twice_one_block_stays(tmp_path: Path) -> None:
    scenario = make_downsampling(tmp_path / "site")
    other = replace(scenario, site=scenario.site.copy(tmp_path / "other"))
    compact(scenario)
    compact(other, replace(RETIRING, downsampling=False))
    for path in scenario.site.bucket.glob(f"*/{MarkKind.DELETION.file_name}"):
        path.unlink()
    for path in other.site.bucket.iterdir():
        if path.is_dir() and not (scenario.site.bucket / path.name).exists():
            path.rename(scenario.site.bucket / path.name)
    compact(scenario)
    assert [meta.resolution_ms for meta in long_blocks(scenario)] == [0, 300_000]
