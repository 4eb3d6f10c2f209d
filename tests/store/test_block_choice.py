"""Which blocks of a bucket are asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promontory.block.meta import PART_LABEL, BlockMeta, Compaction, ThanosMeta
from promontory.block.ulid import make_ulid
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.store.block_choice import choose_blocks

RAW, MINUTE, FIVE_MINUTES, HOUR, DAY = 0, 60_000, 300_000, 3_600_000, 86_400_000


def block(low: int, high: int, resolution_ms: int = RAW, **labels: str) -> BlockMeta:
    entropy = bytes([resolution_ms // 60_000 % 251, high // 100, high % 100, len(str(labels)), 0, 0, 0, 0, 0, 0])
    thanos = ThanosMeta(labels=Labels.from_mapping(labels), resolution_ms=resolution_ms)
    return BlockMeta(make_ulid(low, entropy), low, high, thanos=thanos)


def spans(metas: list[BlockMeta]) -> list[tuple[int, int, int]]:
    return [(meta.min_time_ms, meta.max_time_ms, meta.resolution_ms) for meta in metas]


def select(low: int, high: int, resolution_ms: int = RAW, *matchers: Matcher) -> Selector:
    return Selector(matchers, TimeRange(low, high), max_resolution_ms=resolution_ms)


def test_a_block_s_end_is_outside_and_a_query_s_end_inside() -> None:
    blocks = [block(0, 100), block(100, 200), block(200, 300)]
    assert spans(choose_blocks(blocks, select(100, 199))) == [(100, 200, RAW)]
    assert spans(choose_blocks(blocks, select(99, 200))) == [(0, 100, RAW), (100, 200, RAW), (200, 300, RAW)]


def test_external_labels_that_a_matcher_refuses_rule_a_block_out() -> None:
    blocks = [block(0, 100, cluster="a"), block(0, 100, cluster="b"), block(0, 100)]
    found = choose_blocks(blocks, select(0, 9, RAW, Matcher(MatchKind.EQUAL, b"cluster", b"b")))
    assert [str(meta.labels) for meta in found] == ['{cluster="b"}', "{}"]


@pytest.mark.parametrize(
    ("resolution_ms", "expected"),
    [
        (RAW, [(0, 100, RAW), (100, 200, RAW), (300, 400, RAW)]),
        (FIVE_MINUTES, [(0, 100, RAW), (100, 200, FIVE_MINUTES), (200, 300, FIVE_MINUTES), (300, 400, RAW)]),
        (HOUR, [(0, 200, HOUR), (200, 300, FIVE_MINUTES), (300, 400, RAW)]),
    ],
)
def test_the_coarsest_allowed_resolution_is_taken_and_gaps_are_filled_by_finer_ones(
    resolution_ms: int, expected: list[tuple[int, int, int]]
) -> None:
    blocks = [
        block(0, 100), block(100, 200), block(300, 400),
        block(100, 200, FIVE_MINUTES), block(200, 300, FIVE_MINUTES), block(0, 200, HOUR),
    ]  # fmt: skip
    assert spans(choose_blocks(blocks, select(0, 399, resolution_ms))) == expected


def test_overlapping_blocks_of_one_resolution_are_all_asked_once() -> None:
    blocks = [block(0, 100), block(0, 300), block(50, 150), block(90, 200, FIVE_MINUTES)]
    assert spans(choose_blocks(blocks, select(0, 299))) == [(0, 100, RAW), (0, 300, RAW), (50, 150, RAW)]
    found = spans(choose_blocks(blocks, select(0, 299, FIVE_MINUTES)))
    assert sorted(found) == [(0, 100, RAW), (0, 300, RAW), (50, 150, RAW), (90, 200, FIVE_MINUTES)]


@pytest.mark.parametrize(
    ("resolution_ms", "expected"),
    [
        (MINUTE - 1, [(0, 100, RAW), (100, 200, RAW)]),
        (MINUTE, [(0, 200, MINUTE), (200, 300, MINUTE)]),
        (FIVE_MINUTES, [(0, 200, MINUTE), (200, 300, MINUTE)]),
        (DAY - 1, [(0, 200, HOUR), (200, 300, MINUTE)]),
        (DAY, [(0, 100, DAY), (0, 200, HOUR), (200, 300, MINUTE)]),
    ],
)
def test_any_resolution_of_a_ladder_is_taken_as_thanos_two_are(
    resolution_ms: int, expected: list[tuple[int, int, int]]
) -> None:
    blocks = [
        block(0, 100), block(100, 200),
        block(0, 200, MINUTE), block(200, 300, MINUTE), block(0, 200, HOUR), block(0, 100, DAY),
    ]  # fmt: skip
    assert spans(choose_blocks(blocks, select(0, 299, resolution_ms))) == expected


def made_of(sources: str, meta: BlockMeta) -> BlockMeta:
    return replace(meta, compaction=Compaction(sources=tuple(sources)))


def chosen_ulids(blocks: list[BlockMeta], resolution_ms: int, *stripped: bytes) -> set[str]:
    selector = replace(select(0, 199, resolution_ms), without_replica_labels=stripped)
    return {meta.ulid for meta in choose_blocks(blocks, selector)}


A = made_of("ab", block(0, 200, cluster="x", replica="a"))
B = made_of("cd", block(1, 200, cluster="x", replica="b"))
MERGED = made_of("abcd", block(0, 200, cluster="x"))
COARSE = made_of("abcd", block(0, 200, FIVE_MINUTES, cluster="x"))
COARSE_A = made_of("ab", block(0, 200, FIVE_MINUTES, cluster="x", replica="a"))
COARSE_B = made_of("cd", block(1, 200, FIVE_MINUTES, cluster="x", replica="b"))
LATE = made_of("e", block(100, 200, cluster="x", replica="a"))


@pytest.mark.parametrize(
    ("blocks", "resolution_ms", "expected"),
    [
        ([A, B, MERGED, LATE], RAW, [MERGED, LATE]),
        ([A, B, MERGED, COARSE, LATE], FIVE_MINUTES, [COARSE, LATE]),
        ([MERGED, COARSE_A, COARSE_B], FIVE_MINUTES, [COARSE_A, COARSE_B]),
        ([MERGED, COARSE_A, B], FIVE_MINUTES, [MERGED]),
        ([A, B, LATE], RAW, [A, B, LATE]),
    ],
)
def test_what_a_merged_block_holds_is_not_read_of_its_replicas_too(
    blocks: list[BlockMeta], resolution_ms: int, expected: list[BlockMeta]
) -> None:
    assert chosen_ulids(blocks, resolution_ms, b"replica") == {meta.ulid for meta in expected}


def test_an_asker_who_tells_replicas_apart_reads_them_beside_what_was_merged() -> None:
    assert chosen_ulids([A, B, MERGED], RAW) == {A.ulid, B.ulid, MERGED.ulid}


@pytest.mark.parametrize("stripped", [(b"replica",), (b"replica", PART_LABEL)])
def test_a_part_of_a_stream_takes_the_place_of_no_replica(stripped: tuple[bytes, ...]) -> None:
    part = made_of("abcd", block(2, 200, cluster="x", **{PART_LABEL.decode(): "1_of_2"}))
    assert chosen_ulids([A, B, part], RAW, *stripped) == {A.ulid, B.ulid, part.ulid}


def test_replicas_without_a_label_left_are_known_by_thanos_word_for_it() -> None:
    a, b = made_of("ab", block(0, 200, replica="a")), made_of("cd", block(1, 200, replica="b"))
    merged = made_of("abcd", block(3, 200, replica="deduped"))
    assert chosen_ulids([a, b, merged], RAW, b"replica") == {merged.ulid}
