"""Blocks that are rewritten without the series that a ladder has retired."""

from __future__ import annotations

from dataclasses import replace

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta, parse_meta, render_meta
from promontory.compaction.job import JobKind
from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder
from promontory.compaction.planning.retiring import plan_rewrites
from promontory.compaction.rewrites import applied_selectors, render_rewrite
from promontory.compaction.settings import CompactionSettings
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, NOW_MS, block, marks, number_of, state_of

DEBUG = (Matcher(MatchKind.REGEX, b"__name__", b"debug_.*"), Matcher(MatchKind.NOT_EQUAL, b"keep", b"yes"))
RULES = (SeriesRule(DEBUG, 2 * DAY_MS),)
SETTINGS = CompactionSettings(ladder=Ladder((StreamLadder((Step(0), Step(300_000)), RULES),)))
NEWEST = block(99, NOW_MS - 2 * HOUR_MS, NOW_MS)


def ended(number: int, days: int, **fields: object) -> BlockMeta:
    end = NOW_MS - days * DAY_MS
    return block(number, end - 2 * HOUR_MS, end, **fields)  # type: ignore[arg-type]


def planned(blocks: list[BlockMeta], **fields: object) -> list[int]:
    jobs = plan_rewrites(state_of([*blocks, NEWEST], **fields), SETTINGS, now_ms=NOW_MS)
    assert all(job.kind is JobKind.REWRITE and job.retired == (DEBUG,) for job in jobs)
    return [number_of(job.inputs[0]) for job in jobs]


def test_a_block_past_a_rule_is_rewritten() -> None:
    assert planned([ended(1, 3), ended(2, 1)]) == [1]
    assert plan_rewrites(state_of([ended(1, 3)]), CompactionSettings(), now_ms=NOW_MS) == ()


def test_a_block_is_rewritten_for_a_rule_once() -> None:
    meta = ended(1, 3)
    assert meta.thanos is not None
    rewritten = replace(meta, thanos=replace(meta.thanos, rewrites=(render_rewrite(("X",), [DEBUG]),)))
    assert applied_selectors(parse_meta(render_meta(rewritten), source="meta.json")) == {frozenset(DEBUG)}
    assert planned([rewritten]) == []


def test_rewrites_that_cannot_be_read_or_drop_a_part_count_as_none() -> None:
    meta = ended(1, 3)
    assert meta.thanos is not None
    entries = (
        {"deletions_applied": "x"},
        {"deletions_applied": [{"matchers": [{"Type": 9}], "intervals": []}, {"matchers": 1}]},
        {"deletions_applied": [{**render_rewrite((), [DEBUG])["deletions_applied"][0], "intervals": [{"Mint": 1}]}]},  # type: ignore[index]
    )
    assert planned([replace(meta, thanos=replace(meta.thanos, rewrites=entries))]) == [1]


def test_blocks_with_marks_are_left_as_they_are() -> None:
    assert planned([ended(1, 3)], no_compact_marks=marks(MarkKind.NO_COMPACT, 1)) == []
    assert planned([ended(1, 3)], deletion_marks=marks(MarkKind.DELETION, 1)) == []


def test_a_coarse_block_waits_for_the_finer_one_to_be_rewritten() -> None:
    coarse = ended(2, 3, sources=(1,), resolution_ms=300_000)
    assert planned([ended(1, 3), coarse]) == [1]
    assert planned([coarse]) == [2]


def test_a_clock_ahead_of_all_samples_drops_no_series() -> None:
    assert plan_rewrites(state_of([NEWEST]), SETTINGS, now_ms=NOW_MS + 3650 * DAY_MS) == ()
