from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.labels import Labels
from promontory.timeline.timeline import Timeline, make_timeline
from tests.catalog.blocks import LABELS, meta_of

OTHER = Labels.from_mapping({"cluster": "b"})


def found(*metas: BlockMeta) -> list[tuple[FoundBlock, BlockMeta]]:
    return [(FoundBlock(meta.ulid, meta, "", {}, (), {}, 0), meta) for meta in metas]


def rows(timeline: Timeline, lane: int = 0) -> list[int]:
    return [box.row for box in timeline.lanes[lane].boxes]


def test_each_stream_has_a_lane_in_order_of_its_labels() -> None:
    timeline = make_timeline(found(meta_of(1, labels=OTHER), meta_of(2), meta_of(3, hours=(2, 4))))
    assert [lane.labels for lane in timeline.lanes] == [LABELS, OTHER]
    assert (timeline.min_time_ms, timeline.max_time_ms) == (0, 4 * 3_600_000)


def test_blocks_that_touch_share_a_row_and_blocks_that_overlap_do_not() -> None:
    blocks = found(meta_of(1), meta_of(2, hours=(1, 3)), meta_of(3, hours=(2, 4)), meta_of(4, hours=(1, 2)))
    assert rows(make_timeline(blocks)) == [0, 1, 2, 0]


def test_each_resolution_has_rows_of_its_own_the_finest_first() -> None:
    blocks = found(meta_of(1, resolution_ms=300_000), meta_of(2), meta_of(3), meta_of(4, resolution_ms=60_000))
    timeline = make_timeline(blocks)
    assert timeline.lanes[0].resolutions_ms == (0, 0, 60_000, 300_000)
    assert rows(timeline) == [0, 1, 2, 3]
    assert timeline.resolutions_ms == [0, 60_000, 300_000]


def test_the_order_of_blocks_changes_nothing() -> None:
    blocks = found(*(meta_of(number, hours=(number // 2, number // 2 + 2)) for number in range(1, 9)))
    assert make_timeline(blocks) == make_timeline(blocks[::-1])


def test_no_blocks_make_an_empty_timeline() -> None:
    assert make_timeline([]).lanes == ()
