"""A timeline as SVG: one file without references, the same bytes for the same blocks.

axis         times in UTC
lane         its labels, then a row of boxes for each resolution and for blocks that overlap
box          colour: resolution and level · hatched: deletion mark · bar below: no-compact mark ·
             bar above: no-downsample mark; pointing at it shows what its meta.json says
legend
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.durations import format_resolution
from promontory.timeline.axis import make_ticks
from promontory.timeline.colours import colour_of
from promontory.timeline.timeline import Box, Lane, Timeline, make_timeline
from promontory.timeline.tooltip import describe_block

WIDTH, LEFT, RIGHT = 1280, 56, 36
AXIS, ROW, BOX, TITLE, GAP = 34, 20, 16, 20, 10
LEAST_BOX = 1.5
LEGEND_LINE = 22
_STYLE = (
    "text{font:11px ui-sans-serif,system-ui,sans-serif;fill:#333}.t{font-weight:600}.g{stroke:#ddd}"
    ".b{stroke:#fff;stroke-width:.6}.b:hover{stroke:#000;stroke-width:1.5}.m{pointer-events:none}"
)


def write_svg(timeline: Timeline) -> str:
    """Return the SVG document of a timeline."""
    heights = [TITLE + ROW * len(lane.resolutions_ms) + GAP for lane in timeline.lanes]
    bottom = AXIS + sum(heights)
    height = bottom + LEGEND_LINE * (2 + len(timeline.resolutions_ms))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-label="Blocks by time">',
        f"<style>{_STYLE}</style>",
        '<defs><pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#fff" fill-opacity=".45"/><rect width="2.5" height="6" fill="#c00"/>'
        "</pattern></defs>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_draw_axis(timeline, bottom),
    ]
    top = AXIS
    for lane, lane_height in zip(timeline.lanes, heights, strict=True):
        parts += _draw_lane(timeline, lane, top)
        top += lane_height
    parts += [*_draw_legend(timeline, bottom + 8), "</svg>"]
    return "\n".join(parts) + "\n"


def draw_metas(metas: Sequence[BlockMeta]) -> str:
    """Return the SVG document of blocks of which only the metas are known: no marks, sizes as the metas give them."""
    blocks = [(FoundBlock(meta.ulid, meta, "", {}, (), _sizes(meta), 0), meta) for meta in metas]
    return write_svg(make_timeline(blocks))


def _sizes(meta: BlockMeta) -> dict[str, int]:
    return {file.path: file.size_bytes or 0 for file in (meta.thanos.files if meta.thanos else ())}


def _draw_axis(timeline: Timeline, bottom: int) -> Iterator[str]:
    for tick in make_ticks(timeline.min_time_ms, timeline.max_time_ms):
        x = _x(timeline, tick.time_ms)
        yield f'<line class="g" x1="{x:.2f}" x2="{x:.2f}" y1="{AXIS - 10}" y2="{bottom}"/>'
        yield f'<text x="{x:.2f}" y="{AXIS - 16}" text-anchor="middle">{tick.text}</text>'


def _draw_lane(timeline: Timeline, lane: Lane, top: int) -> Iterator[str]:
    title = str(lane.labels) if lane.labels.pairs else "no external labels"
    yield f'<g><text class="t" x="4" y="{top + 14}">{escape(title)}</text>'
    for row, resolution_ms in enumerate(lane.resolutions_ms):
        if row == 0 or resolution_ms != lane.resolutions_ms[row - 1]:
            yield f'<text x="4" y="{top + TITLE + row * ROW + 13}">{format_resolution(resolution_ms)}</text>'
    for box in lane.boxes:
        yield from _draw_box(timeline, box, top + TITLE + box.row * ROW)
    yield "</g>"


def _draw_box(timeline: Timeline, box: Box, y: int) -> Iterator[str]:
    x = _x(timeline, box.meta.min_time_ms)
    width = max(_x(timeline, box.meta.max_time_ms) - x, LEAST_BOX)
    fill = colour_of(box.meta.resolution_ms, box.meta.compaction.level, timeline.resolutions_ms)
    about = escape(describe_block(box.found, box.meta))
    yield (
        f'<rect class="b" x="{x:.2f}" y="{y}" width="{width:.2f}" height="{BOX}" fill="{fill}"><title>{about}</title>'
        "</rect>"
    )
    yield from (_draw_mark(kind, x, y, width) for kind in MarkKind if kind in box.found.marks)


def _draw_mark(kind: MarkKind, x: float, y: int, width: float) -> str:
    top, height, fill = _MARKS[kind]
    return f'<rect class="m" x="{x:.2f}" y="{y + top}" width="{width:.2f}" height="{height}" fill="{fill}"/>'


def _draw_legend(timeline: Timeline, top: int) -> Iterator[str]:
    y = top
    for resolution_ms in timeline.resolutions_ms:
        yield f'<text x="4" y="{y + 13}">{format_resolution(resolution_ms)}</text>'
        for place, level in enumerate(timeline.levels_of(resolution_ms)):
            x = LEFT + place * 90
            fill = colour_of(resolution_ms, level, timeline.resolutions_ms)
            yield f'<rect x="{x}" y="{y}" width="24" height="{BOX}" fill="{fill}"/>'
            yield f'<text x="{x + 30}" y="{y + 13}">level {level}</text>'
        y += LEGEND_LINE
    for place, kind in enumerate(MarkKind):
        x = LEFT + place * 180
        yield f'<rect x="{x}" y="{y}" width="24" height="{BOX}" fill="#ccc"/>'
        yield _draw_mark(kind, x, y, 24)
        yield f'<text x="{x + 30}" y="{y + 13}">{kind.file_name}</text>'


_MARKS = {
    MarkKind.DELETION: (0, BOX, "url(#gone)"),
    MarkKind.NO_COMPACT: (BOX - 4, 4, "#111"),
    MarkKind.NO_DOWNSAMPLE: (0, 4, "#111"),
}
"""By mark: from where in a box, how high, and what it is filled with."""


def _x(timeline: Timeline, time_ms: int) -> float:
    length_ms = timeline.max_time_ms - timeline.min_time_ms
    return LEFT + (WIDTH - LEFT - RIGHT) * (time_ms - timeline.min_time_ms) / length_ms
