"""Plans carried out on a bucket in thought, whatever it holds: they end, lose no source, and repeat nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from promontory.block.markers import MarkKind
from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.job import JobKind
from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder, default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, Arrival, arrived, marks, number_of
from tests.compaction.planning.model_bucket import ModelBucket

START = 1400 * 14 * DAY_MS
LABELS = {f"{c}{r}": Labels.from_mapping({"cluster": c, "replica": r}) for c in "ab" for r in "01"}
DEBUG = (Matcher(MatchKind.REGEX, b"__name__", b"debug_.*"),)
STEPS = (Step(0, 4 * DAY_MS), Step(60_000, 10 * DAY_MS, 8 * HOUR_MS), Step(HOUR_MS, 0, 2 * DAY_MS))
LADDERS = {
    "default": default_ladder(),
    "short keeps": default_ladder(raw_keep_ms=3 * DAY_MS, five_minutes_keep_ms=12 * DAY_MS),
    "own": Ladder((StreamLadder(STEPS, (SeriesRule(DEBUG, 2 * DAY_MS),)),)),
}

# Descriptions, from which the tests make blocks and settings: a failure shows all of them.
Row = tuple[int, list[Arrival]]
"""When the first block of a stream begins, in steps of two hours, and its blocks."""

arrivals = st.builds(
    Arrival,
    hours=st.sampled_from([2, 2, 2, 2, 1, 8, 48]),
    gap=st.sampled_from([0, 0, 0, 0, 0, 0, 6, 30, -1]),
    index_bytes=st.sampled_from([100, 100, 5000]),
    tombstones=st.sampled_from([0, 0, 0, 0, 9]),
)
rows = st.tuples(st.integers(0, 30), st.lists(arrivals, min_size=1, max_size=40))
buckets = st.dictionaries(st.sampled_from(sorted(LABELS)), rows, min_size=1, max_size=3)
compactions = st.fixed_dictionaries(
    {
        "ladder": st.sampled_from(list(LADDERS)),
        "vertical": st.booleans(),
        "replica_labels": st.sampled_from([(), ("replica",)]),
        "max_index_bytes": st.sampled_from([2**36, 8000]),
        "parts": st.sampled_from([1, 3]),
        "downsampling": st.sampled_from([True, True, False]),
        "deletion_share": st.sampled_from([0.25, 1.0]),
    }
)


def blocks_of(streams: dict[str, Row]) -> list[BlockMeta]:
    """Return the blocks of streams, each stream's numbered on from those of the one before."""
    blocks: list[BlockMeta] = []
    for name, (start, row) in streams.items():
        blocks += arrived(START + start * 2 * HOUR_MS, row, first=len(blocks), labels=LABELS[name])
    return blocks


def settings_of(compaction: dict[str, Any]) -> CompactionSettings:
    return CompactionSettings(**compaction | {"ladder": LADDERS[compaction["ladder"]]})


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
@given(buckets, compactions, st.lists(st.integers(0, 39), max_size=3), st.lists(st.sampled_from([1, 30, 80, 400])))
def test_passes_end_lose_no_source_and_do_nothing_twice(
    streams: dict[str, Row], compaction: dict[str, Any], marked: list[int], hours: list[int]
) -> None:
    expect_passes_to_end(blocks_of(streams), settings_of(compaction), marked=marked, hours=hours)


def test_a_block_left_whole_is_downsampled_once_though_its_coarser_one_was_cut_into_parts() -> None:
    settings = CompactionSettings(max_index_bytes=6000, parts=3)
    bucket = expect_passes_to_end(arrived(START, [Arrival(hours=48)] * 8), settings, marked=[3])
    cut = {meta.resolution_ms for meta in bucket.state.blocks.values() if meta.labels.get(PART_LABEL)}
    assert cut == {300_000}
    downsampled = [number_of(job.inputs[0]) for job in bucket.done if job.kind is JobKind.DOWNSAMPLE]
    assert downsampled.count(3) == 1


def expect_passes_to_end(
    blocks: list[BlockMeta], settings: CompactionSettings, *, marked: Sequence[int] = (), hours: Sequence[int] = ()
) -> ModelBucket:
    """Run passes, some hours apart, with some blocks marked against compaction; return the bucket as it is then."""
    bucket = ModelBucket(blocks, settings, now_ms=newest_ms(blocks) + HOUR_MS)
    bucket.state = replace(bucket.state, no_compact_marks=marks(MarkKind.NO_COMPACT, *marked))
    for pause in [*hours, 0]:
        bucket.run_passes()
        expect_nothing_lost(bucket, blocks)
        bucket.now_ms += pause * HOUR_MS
    again = [
        (kind.value, [number_of(ulid) for ulid in inputs], resolution_ms, part)
        for (kind, inputs, resolution_ms, part), count in Counter(
            (job.kind, job.inputs, job.resolution_ms, job.part) for job in bucket.done
        ).items()
        if count > 1
    ]
    assert again == []
    return bucket


@examples(max_examples=40, deadline=None)
@given(buckets, compactions)
def test_a_compactor_that_dies_before_it_marks_loses_nothing(
    streams: dict[str, Row], compaction: dict[str, Any]
) -> None:
    blocks, settings = blocks_of(streams), replace(settings_of(compaction), parts=1)
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
