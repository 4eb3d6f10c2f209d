"""`promontory bucket ls`: the blocks of a bucket by ULID, a line each, or as their meta.json."""

from __future__ import annotations

import sys

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta, render_meta
from promontory.bucket.port import Bucket
from promontory.catalog.contents import Contents
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.model.go_text import format_go_duration, format_go_time, show_text
from promontory.model.time_range import TimeRange
from promontory.program.bucket_tool.selection import read_rules, select_contents
from promontory.program.bucket_tool.session import read_in_time, run_on_bucket, tell
from promontory.program.bucket_tool.template import Show, parse_template
from promontory.service.stdout import print_json
from promontory.service.values import Values
from promontory.timeline.block_row import to_json


def run(values: Values) -> int:
    """List the blocks and return the exit code."""
    show, rules = _show(values.text("--output")), read_rules(values)
    if values.flag("--json") and values.text("--output"):
        raise InputError("flags --json and --output: expected one of them, found both")
    now_ms = SystemClock().now_ms()
    wanted = TimeRange(values.time_ms("--min-time", now_ms=now_ms), values.time_ms("--max-time", now_ms=now_ms))

    async def list_blocks(values: Values, bucket: Bucket) -> int:
        contents = select_contents(await read_in_time(values, bucket), rules)
        chosen = choose(contents, wanted, exclude_marked=values.flag("--exclude-delete"))
        if values.flag("--json"):
            rows = [found for found in contents.blocks.values() if found.problem or found.ulid in chosen]
            print_json([to_json(found) for found in rows])
            return 0
        for meta in chosen.values():
            sys.stdout.write(show(meta) + "\n")
        tell_of_broken(contents)
        return 0

    return run_on_bucket(values, list_blocks)


def choose(contents: Contents, wanted: TimeRange, *, exclude_marked: bool) -> dict[str, BlockMeta]:
    """Return the whole blocks that touch a range, both ends included as in Thanos, by ULID."""
    return {
        found.ulid: meta
        for found, meta in contents.whole
        if meta.max_time_ms >= wanted.min_time_ms
        and meta.min_time_ms <= wanted.max_time_ms
        and not (exclude_marked and MarkKind.DELETION in found.marks)
    }


def tell_of_broken(contents: Contents) -> None:
    """Name on stderr the blocks that do not count."""
    tell(f"left out: block {found.ulid}: {show_text(found.problem)}" for found in contents.broken)
    tell(
        f"counts as absent: {show_text(text)}" for found in contents.blocks.values() for text in found.unreadable_marks
    )


def _show(output: str) -> Show:
    if output in _SHAPES:
        return _SHAPES[output]
    if "{{" not in output:
        raise InputError(f"flag --output: expected json, wide or a template such as {{{{.ULID}}}}, found {output!r}")
    return parse_template(output)


def _wide(meta: BlockMeta) -> str:
    source = show_text(meta.thanos.source) if meta.thanos else ""
    return (
        f"{meta.ulid} -- {format_go_time(meta.min_time_ms)} - {format_go_time(meta.max_time_ms)} "
        f"Diff: {format_go_duration(meta.max_time_ms - meta.min_time_ms)}, Compaction: {meta.compaction.level}, "
        f"Downsample: {meta.resolution_ms}, Source: {source}"
    )


_SHAPES: dict[str, Show] = {
    "": lambda meta: meta.ulid,
    "wide": _wide,
    "json": lambda meta: render_meta(meta).decode().rstrip("\n"),
}
