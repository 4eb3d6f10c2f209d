"""The page of a compactor: how its bucket stands, and the picture of its blocks. No script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from promontory.block.meta import BlockMeta
from promontory.model.durations import format_resolution
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.timeline.svg import draw_metas

STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;color:#222}table{border-collapse:collapse}"
    "td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}td.n{text-align:right}"
)


def render_page(metas: Iterable[BlockMeta], *, bucket: str) -> bytes:
    """Return the page."""
    blocks = sorted(metas, key=lambda meta: (str(meta.labels), meta.resolution_ms, meta.min_time_ms, meta.ulid))
    picture = draw_metas(blocks) if blocks else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(bucket)}</title><style>{STYLE}</style>'
        f"<h1>{escape(bucket)}</h1><p>{len(blocks):,} blocks. "
        '<a href="api/v1/blocks">all</a> · <a href="api/v1/blocks?view=loaded">those that are worked on</a> · '
        '<a href="metrics">metrics</a></p>'
        f"{picture}{_streams(blocks)}</html>\n"
    ).encode()


def _streams(blocks: list[BlockMeta]) -> str:
    """Return a table with a row for each stream and resolution."""
    streams: dict[tuple[str, int], list[BlockMeta]] = {}
    for meta in blocks:
        streams.setdefault((str(meta.labels), meta.resolution_ms), []).append(meta)
    rows = [
        f"<tr><td>{escape(labels)}<td class=n>{format_resolution(resolution_ms)}<td class=n>{len(group):,}"
        f"<td class=n>{sum(meta.stats.sample_count for meta in group):,}"
        f"<td>{format_rfc3339_ms(min(meta.min_time_ms for meta in group))}"
        f"<td>{format_rfc3339_ms(max(meta.max_time_ms for meta in group))}"
        for (labels, resolution_ms), group in streams.items()
    ]
    head = "<tr><th>stream<th>resolution<th>blocks<th>samples<th>from<th>to"
    return f"<table>{head}{''.join(rows)}</table>"
