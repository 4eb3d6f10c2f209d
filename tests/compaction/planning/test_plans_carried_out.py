"""Plans carried out on a bucket in thought, whatever it holds: they end, lose no source, and repeat nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder, default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, block, marks
from tests.compaction.planning.model_bucket import ModelBucket

START = 1400 * 14 * DAY_MS
LABELS = [Labels.from_mapping({"cluster": c, "replica": r}) for c in "ab" for r in "01"]
DEBUG = (Matcher(MatchKind.REGEX, b"__name__", b"debug_.*"),)
STEPS = (Step(0, 4 * DAY_MS), Step(60_000, 10 * DAY_MS, 8 * HOUR_MS), Step(HOUR_MS, 0, 2 * DAY_MS))
LADDERS = [
    default_ladder(),
    default_ladder(raw_keep_ms=3 * DAY_MS, five_minutes_keep_ms=12 * DAY_MS),
    Ladder((StreamLadder(STEPS, (SeriesRule(DEBUG, 2 * DAY_MS),)),)),
]


@st.composite
def buckets(draw: st.DrawFn) -> list[BlockMeta]:
    """Return blocks of some streams: mostly two hours each and in a row, with gaps, longer ones and overlaps."""
    blocks: list[BlockMeta] = []
    for labels in draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=3, unique=True)):
        at_ms = START + draw(st.integers(0, 30)) * 2 * HOUR_MS
        for _ in range(draw(st.integers(1, 40))):
            length_ms = draw(st.sampled_from([2, 2, 2, 2, 1, 8, 48])) * HOUR_MS
            tombstones = draw(st.sampled_from([0, 0, 0, 0, 9]))
            size = draw(st.sampled_from([100, 100, 5000]))
            number = len(blocks)
            blocks.append(
                block(number, at_ms, at_ms + length_ms, labels=labels, tombstones=tombstones, index_bytes=size)
            )
            at_ms += length_ms + draw(st.sampled_from([0, 0, 0, 0, 0, 0, 6, 30, -1])) * HOUR_MS
    return blocks


compactions = st.builds(
    CompactionSettings,
    vertical=st.booleans(),
    replica_labels=st.sampled_from([(), ("replica",)]),
    ladder=st.sampled_from(LADDERS),
    max_index_bytes=st.sampled_from([2**36, 8000]),
    parts=st.sampled_from([1, 3]),
    downsampling=st.sampled_from([True, True, False]),
    deletion_share=st.sampled_from([0.25, 1.0]),
)


def newest_ms(blocks: list[BlockMeta]) -> int:
    return max(meta.max_time_ms for meta in blocks)


def expect_nothing_lost(bucket: ModelBucket, blocks: list[BlockMeta]) -> None:
    """Each source is held, raw where raw is kept, unless no step of its ladder keeps it and nothing asks for cover."""
    held, raw = bucket.sources(), bucket.sources(resolution_ms=0)
    for meta in blocks:
        keeps = [step.keep_ms for step in bucket.settings.ladder.of(meta.labels).steps]
        key = meta.labels.without([b"replica"]) if bucket.settings.replica_labels else meta.labels, meta.ulid
        if not keeps[0] or bucket.now_ms <= meta.max_time_ms + keeps[0]:
            assert key in raw
        elif bucket.settings.downsampling:
            assert key in held


@examples(max_examples=50, deadline=None)
@given(buckets(), compactions, st.lists(st.integers(0, 39), max_size=3), st.lists(st.sampled_from([1, 30, 80, 400])))
def test_passes_end_lose_no_source_and_do_nothing_twice(
    blocks: list[BlockMeta], settings: CompactionSettings, marked: list[int], hours: list[int]
) -> None:
    bucket = ModelBucket(blocks, settings, now_ms=newest_ms(blocks) + HOUR_MS)
    bucket.state = replace(bucket.state, no_compact_marks=marks(MarkKind.NO_COMPACT, *marked))
    for pause in [*hours, 0]:
        bucket.run_passes()
        expect_nothing_lost(bucket, blocks)
        bucket.now_ms += pause * HOUR_MS
    again = [
        key
        for key, count in Counter((j.kind, j.inputs, j.resolution_ms, j.part) for j in bucket.done).items()
        if count > 1
    ]
    assert again == []


@examples(max_examples=40, deadline=None)
@given(buckets(), compactions)
def test_a_compactor_that_dies_before_it_marks_loses_nothing(
    blocks: list[BlockMeta], settings: CompactionSettings
) -> None:
    settings = replace(settings, parts=1)
    bucket = ModelBucket(blocks, settings, now_ms=newest_ms(blocks) + HOUR_MS)
    bucket.run(bucket.plan_merges(), crash=True)
    expect_nothing_lost(bucket, blocks)
    bucket.run_passes()
    expect_nothing_lost(bucket, blocks)
    undisturbed = ModelBucket(blocks, settings, now_ms=bucket.now_ms)
    undisturbed.run_passes()
    assert held_ranges(bucket) == held_ranges(undisturbed)


def held_ranges(bucket: ModelBucket) -> Counter[tuple[Labels, int, int, int]]:
    return Counter(
        (meta.labels, meta.resolution_ms, meta.min_time_ms, meta.max_time_ms)
        for ulid, meta in bucket.state.blocks.items()
        if ulid not in bucket.state.deletion_marks
    )
