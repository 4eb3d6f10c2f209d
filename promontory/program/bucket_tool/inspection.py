"""`promontory bucket inspect`: all blocks of a bucket as a table, and as a picture of what covers which time."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.bucket.port import Bucket
from promontory.catalog.contents import Contents, FoundBlock
from promontory.errors import InputError
from promontory.model.go_text import show_text
from promontory.program.bucket_tool.listing import tell_of_broken
from promontory.program.bucket_tool.picture import check_picture_path, write_picture
from promontory.program.bucket_tool.session import read_in_time, run_on_bucket, tell
from promontory.program.bucket_tool.text_table import WRITERS
from promontory.promql.strings import unquote
from promontory.service.stdout import print_json
from promontory.service.values import Values
from promontory.timeline.block_row import COLUMNS, to_json
from promontory.timeline.tooltip import describe_mark

DEFAULT_ORDER = ("FROM", "UNTIL")
_SELECTOR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|`[^`]*`|[^"`].*|)', re.DOTALL)


def run(values: Values) -> int:
    """Print the table, write the picture, and return the exit code."""
    selected = parse_selectors(values.texts("--selector"))
    order = values.texts("--sort-by") or DEFAULT_ORDER
    picture = values.text("--picture")
    if picture:
        check_picture_path(Path(picture))

    async def inspect(values: Values, bucket: Bucket) -> int:
        contents = await read_in_time(values, bucket)
        chosen = sort_blocks(select_blocks(contents, selected), order)
        if picture:
            write_picture(Path(picture), chosen, contents.broken, name=bucket.name)
        if values.flag("--json"):
            print_json([to_json(found) for found in [*(found for found, _ in chosen), *contents.broken]])
            return 0
        rows = [[text(meta) for text, _ in COLUMNS.values()] for _, meta in chosen]
        sys.stdout.write(WRITERS[values.text("--output")](list(COLUMNS), rows))
        tell(f"marked: block {found.ulid}: {show_text(line)}" for found, _ in chosen for line in _describe_marks(found))
        tell_of_broken(contents)
        return 0

    return run_on_bucket(values, inspect)


def _describe_marks(found: FoundBlock) -> list[str]:
    return [describe_mark(mark) for mark in found.marks.values()]


def parse_selectors(texts: tuple[str, ...]) -> dict[str, str]:
    """Return the external labels of `name="value"` texts; quotes may be left out. Raises InputError."""
    labels: dict[str, str] = {}
    for text in texts:
        found = _SELECTOR.fullmatch(text)
        if found is None:
            raise InputError(f'flag --selector: expected a label such as cluster="eu", found {text!r}')
        value = found[2]
        labels[found[1]] = unquote(value.encode()).decode(errors="replace") if value[:1] in ('"', "`") else value
    return labels


def select_blocks(contents: Contents, selected: dict[str, str]) -> list[tuple[FoundBlock, BlockMeta]]:
    """Return the whole blocks that have all of some external labels."""
    return [
        (found, meta)
        for found, meta in contents.whole
        if all(meta.labels.to_text().get(name) == value for name, value in selected.items())
    ]


def sort_blocks(
    blocks: list[tuple[FoundBlock, BlockMeta]], order: tuple[str, ...]
) -> list[tuple[FoundBlock, BlockMeta]]:
    """Return blocks by some columns, equal ones by ULID."""
    return sorted(blocks, key=lambda pair: [*(COLUMNS[name][1](pair[1]) for name in order), (1, pair[1].ulid)])
