"""`promontory bucket index`: what the bucket index says, whether readers use it, and how the bucket differs by now.

The exit code is 1 where there is none, or none that can be read. Format: docs/formats/bucket-index.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from promontory.bucket.port import Bucket
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, BucketIndex, parse_bucket_index
from promontory.catalog.contents import Contents
from promontory.catalog.index_object import FRESH_MS, write_bucket_index
from promontory.errors import CorruptionError, ObjectNotFound
from promontory.model.clock import SystemClock
from promontory.model.go_text import format_go_duration, show_text
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.sizes import format_size
from promontory.program.bucket_tool.session import read_in_time, run_on_bucket
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import print_json
from promontory.service.values import Values


@dataclass(frozen=True, slots=True)
class Differences:
    """How a bucket differs from its index: ULIDs that are new, gone, or changed in meta, files or marks."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many blocks differ."""
        return len(self.new) + len(self.gone) + len(self.changed)


def run(values: Values) -> int:
    """Show or write the index and return the exit code."""

    async def show(values: Values, bucket: Bucket) -> int:
        contents = await read_in_time(values, bucket)
        if values.flag("--write"):
            return await _write(values, bucket, contents)
        try:
            body = await bucket.get(BUCKET_INDEX_KEY)
            index = parse_bucket_index(body)
        except ObjectNotFound:
            return _tell_problem(values, f"{BUCKET_INDEX_KEY}: there is none")
        except CorruptionError as error:
            return _tell_problem(values, str(error))
        _show(values, index, len(body), compare(index, contents))
        return 0

    return run_on_bucket(values, show)


def compare(index: BucketIndex, contents: Contents) -> Differences:
    """Return how the complete blocks of a bucket differ from an index."""
    told, found = index.blocks, _describe(contents)
    return Differences(
        new=tuple(sorted(found.keys() - told.keys())),
        gone=tuple(sorted(told.keys() - found.keys())),
        changed=tuple(
            ulid
            for ulid in sorted(told.keys() & found.keys())
            if found[ulid] != (told[ulid].meta, _sizes(index, ulid), dict(told[ulid].marks))
        ),
    )


def _describe(contents: Contents) -> Mapping[str, object]:
    return {found.ulid: (meta, dict(found.sizes), dict(found.marks)) for found, meta in contents.whole}


def _sizes(index: BucketIndex, ulid: str) -> dict[str, int]:
    return {path: info.size_bytes for path, info in index.blocks[ulid].files.items()}


async def _write(values: Values, bucket: Bucket, contents: Contents) -> int:
    index = BucketIndex.of_view(contents.view, contents.marks, writer=f"promontory bucket {version('promontory')}")
    is_written = await write_bucket_index(bucket, index, clock=SystemClock())
    if values.flag("--json"):
        print_json({"written": is_written, "blocks": len(index.blocks)})
    elif is_written:
        sys.stdout.write(f"{BUCKET_INDEX_KEY}: written, {len(index.blocks):,} blocks\n")
    else:
        sys.stdout.write(f"{BUCKET_INDEX_KEY}: not written, for one of a newer listing is there\n")
    return 0


def _tell_problem(values: Values, problem: str) -> int:
    if values.flag("--json"):
        print_json({"problem": problem})
    else:
        sys.stdout.write(show_text(problem) + "\n")
    return EXIT_FAILED


def _show(values: Values, index: BucketIndex, size_bytes: int, differences: Differences) -> None:
    age_ms = SystemClock().now_ms() - index.listed_ms
    if values.flag("--json"):
        print_json(
            {
                "writer": index.writer,
                "listed_ms": index.listed_ms,
                "written_ms": index.written_ms,
                "age_ms": age_ms,
                "is_fresh": age_ms <= FRESH_MS,
                "size_bytes": size_bytes,
                "blocks": len(index.blocks),
                "new": list(differences.new),
                "gone": list(differences.gone),
                "changed": list(differences.changed),
            }
        )
        return
    freshness = "readers use it" if age_ms <= FRESH_MS else f"older than {FRESH_MS // 60_000}m: readers do not use it"
    lines = [
        f"{BUCKET_INDEX_KEY}: {len(index.blocks):,} blocks in {format_size(size_bytes)}, by {show_text(index.writer)}",
        f"listed at {format_rfc3339_ms(index.listed_ms)}, {format_go_duration(age_ms // 1000 * 1000)} ago: {freshness}",
    ]
    for what, ulids in (("new", differences.new), ("gone", differences.gone), ("changed", differences.changed)):
        lines += [f"{what} since: {ulid}" for ulid in ulids]
    if not differences.total:
        lines.append("the bucket is as the index says")
    sys.stdout.write("\n".join(lines) + "\n")
