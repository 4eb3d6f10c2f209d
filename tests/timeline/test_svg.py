import re
from xml.etree import ElementTree

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.labels import Labels
from promontory.timeline.page import write_page
from promontory.timeline.svg import BOX, LEFT, RIGHT, WIDTH, draw_metas, write_svg
from promontory.timeline.timeline import make_timeline
from tests.catalog.blocks import meta_of, ulid_of
from tests.timeline.example import PICTURE, draw_example

SVG = "{http://www.w3.org/2000/svg}"
SLY = Labels.from_mapping({"cluster": "</svg><script>alert(1)</script>"})


def found(meta: BlockMeta, *kinds: MarkKind) -> tuple[FoundBlock, BlockMeta]:
    marks = {kind: Mark(kind, meta.ulid, 1_700_000_000, details="too large", reason="manual") for kind in kinds}
    return FoundBlock(meta.ulid, meta, "", marks, (), {"index": 2048}, 0), meta


def boxes(text: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(text).iter(f"{SVG}rect") if one.get("class") == "b"]


def test_a_box_stands_where_its_time_is() -> None:
    first, second = boxes(write_svg(make_timeline([found(meta_of(1, hours=(0, 1))), found(meta_of(2, hours=(1, 4)))])))
    scale = (WIDTH - LEFT - RIGHT) / 4
    assert float(first.get("x", "")) == LEFT
    assert abs(float(second.get("x", "")) - LEFT - scale) < 0.01
    assert abs(float(second.get("width", "")) - 3 * scale) < 0.01


def test_pointing_at_a_box_shows_its_meta_and_marks() -> None:
    (box,) = boxes(write_svg(make_timeline([found(meta_of(1, level=2), MarkKind.NO_COMPACT)])))
    lines = (box.findtext(f"{SVG}title") or "").split("\n")
    assert lines == [
        ulid_of(1),
        "1970-01-01T00:00:00Z to 1970-01-01T02:00:00Z (2h0m0s)",
        "resolution raw, level 2, 1 sources, written by sidecar",
        "1 series, 10 samples, 1 chunks, 2.0 KiB",
        '{cluster="a", replica="0"}',
        "no-compact-mark.json of 2023-11-14T22:13:20.000Z: manual: too large",
    ]


def test_metas_alone_are_drawn_too() -> None:
    (box,) = boxes(draw_metas([meta_of(1)]))
    assert ulid_of(1) in (box.findtext(f"{SVG}title") or "")


def test_colours_tell_resolutions_and_levels_apart() -> None:
    metas = [
        meta_of(10 * place + level, resolution_ms=resolution_ms, level=level)
        for place, resolution_ms in enumerate((0, 60_000, 300_000, 3_600_000))
        for level in range(1, 5)
    ]
    fills = [box.get("fill") for box in boxes(write_svg(make_timeline(list(map(found, metas)))))]
    assert len(set(fills)) == len(metas)


def test_marks_are_drawn_over_the_box() -> None:
    text = write_svg(make_timeline([found(meta_of(1), *MarkKind)]))
    legend = text.rindex("</g>")
    drawn = re.findall(r'class="m" [^/]*height="(\d+)" fill="([^"]*)"', text[:legend])
    assert drawn == [(str(BOX), "url(#gone)"), ("4", "#111"), ("4", "#111")]


def test_labels_do_not_leave_their_place() -> None:
    blocks = [found(meta_of(1, labels=SLY))]
    assert "<script" not in write_svg(make_timeline(blocks))
    page = write_page(blocks, [FoundBlock(ulid_of(2), None, "<script>", {}, (), {}, 0)], name="<script>")
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_page_lists_what_does_not_count() -> None:
    page = write_page(
        [found(meta_of(1))], [FoundBlock(ulid_of(2), None, "no meta.json", {}, (), {"a": 1}, 0)], name="b"
    )
    assert f"<td>{ulid_of(2)}</td><td>no meta.json</td><td>1 B</td>" in page
    assert "1 blocks of 1 streams: 10 samples in 2.0 KiB" in page


def test_ten_thousand_blocks_are_drawn() -> None:
    metas = [meta_of(number, hours=(2 * number, 2 * number + 2)) for number in range(10_000)]
    assert len(boxes(write_svg(make_timeline(list(map(found, metas)))))) == 10_000


def test_the_picture_of_the_documentation_is_as_it_is_drawn() -> None:
    assert PICTURE.read_text() == draw_example(), "run: python -m tests.timeline.example"
