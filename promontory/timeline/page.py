"""A timeline as one page of HTML: the picture, the blocks that do not count, a table of all. No script, no links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.sizes import format_size
from promontory.timeline.block_row import COLUMNS
from promontory.timeline.svg import write_svg
from promontory.timeline.timeline import make_timeline
from promontory.timeline.tooltip import describe_mark

_STYLE = (
    "body{font:14px ui-sans-serif,system-ui,sans-serif;margin:1.5rem;color:#222}h1{font-size:1.2rem}"
    "h2{font-size:1rem;margin-top:1.5rem}.s{overflow-x:auto}table{border-collapse:collapse;font-size:12px}"
    "td,th{padding:2px 8px;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
)


def write_page(blocks: Sequence[tuple[FoundBlock, BlockMeta]], broken: Sequence[FoundBlock], *, name: str) -> str:
    """Return the page of some blocks of the bucket `name`, and of those that do not count."""
    timeline = make_timeline(blocks)
    samples = sum(meta.stats.sample_count for _, meta in blocks)
    total_bytes = sum(found.total_bytes for found, _ in blocks)
    summary = (
        f"{len(blocks):,} blocks of {len(timeline.lanes):,} streams: {samples:,} samples in {format_size(total_bytes)}"
    )
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(name)}: blocks</title><style>{_STYLE}</style></head><body>",
        f'<h1>{escape(name)}</h1><p>{summary}</p><div class="s">{write_svg(timeline)}</div>',
        *_write_broken(broken),
        *_write_blocks(blocks),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _write_broken(broken: Sequence[FoundBlock]) -> Iterator[str]:
    if not broken:
        return
    yield "<h2>Blocks that do not count</h2><table><tr><th>ULID</th><th>why</th><th>size</th></tr>"
    for found in broken:
        yield (
            f"<tr><td>{found.ulid}</td><td>{escape(found.problem)}</td><td>{format_size(found.total_bytes)}</td></tr>"
        )
    yield "</table>"


def _write_blocks(blocks: Sequence[tuple[FoundBlock, BlockMeta]]) -> Iterator[str]:
    heads = "".join(f"<th>{escape(head)}</th>" for head in (*COLUMNS, "MARKS"))
    yield f'<h2>Blocks</h2><div class="s"><table><tr>{heads}</tr>'
    for found, meta in blocks:
        cells = [*(text(meta) for text, _ in COLUMNS.values()), "; ".join(map(describe_mark, found.marks.values()))]
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></div>"
