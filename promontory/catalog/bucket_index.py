"""BucketIndex: what a listing of a bucket and the reading of its metas and marks would tell, as one value.

    gzip, its MTIME the second in which the listing began, of a JSON document with one block a line:
    {"version": 1, "writer": …, "listedMs": …, "writtenMs": …, "blockCount": n, "blocks": [
    {"meta": {…}, "files": [[path, bytes, modified ms, etag] …], "marks": {"deletion-mark.json": {…} …}},
    …
    ]}

One rule: it is a hint, never the truth. Whatever is not as told above makes it unreadable as a whole, and the bucket is
listed. Format: docs/formats/bucket-index.md. Source: RFC 1952 for the header.
"""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from promontory.block.markers import Mark, MarkKind, describe_mark, read_mark
from promontory.block.meta import META_FILE, BlockMeta, describe_meta, read_meta
from promontory.block.strict_json import Fields, JsonObject, parse_object
from promontory.bucket.port import ObjectInfo
from promontory.catalog.view import CatalogView
from promontory.errors import CorruptionError

BUCKET_INDEX_KEY = "promontory/bucket-index.json.gz"
BUCKET_INDEX_VERSION = 1
LARGEST_INDEX_BYTES = 1 << 30
HEADER_BYTES = 8

_HEADER = struct.Struct("<3sxI")  # magic and method, flags, MTIME
_MAGIC = b"\x1f\x8b\x08"
_LATEST_S = 2**32 - 1
_COMPRESSION_LEVEL = 6
_END = b"]}"


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """One complete block: its meta, what a listing said of its objects by path, and its marks that can be read."""

    meta: BlockMeta
    files: Mapping[str, ObjectInfo]
    marks: Mapping[MarkKind, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BucketIndex:
    """The complete blocks of a bucket by ULID as they were when the listing began, at `listed_ms` of the writer.

    `written_ms` is set when it is written; `writer` is for people.
    """

    blocks: Mapping[str, IndexedBlock]
    listed_ms: int
    writer: str
    written_ms: int = 0

    @staticmethod
    def of_view(view: CatalogView, marks: Iterable[Mark] = (), *, writer: str) -> BucketIndex:
        """Return the index of a catalog's view; `marks` are those that the view does not hold, or newer ones.

        Blocks that filters leave out are in it: its readers have filters of their own.
        """
        by_block: dict[str, dict[MarkKind, Mark]] = {}
        for mark in (*view.marks.values(), *marks):
            by_block.setdefault(mark.ulid, {})[mark.kind] = mark
        metas = {**view.blocks, **view.excluded_metas}
        blocks = {ulid: IndexedBlock(meta, view.files[ulid], by_block.get(ulid, {})) for ulid, meta in metas.items()}
        return BucketIndex(blocks, listed_ms=view.listed_ms, writer=writer)


def render_bucket_index(index: BucketIndex) -> bytes:
    """Return the object of an index. Call it in a thread."""
    head = {
        "version": BUCKET_INDEX_VERSION,
        "writer": index.writer,
        "listedMs": index.listed_ms,
        "writtenMs": index.written_ms,
        "blockCount": len(index.blocks),
    }
    lines = ",\n".join(_dump(_describe(block)) for _, block in sorted(index.blocks.items()))
    text = f'{_dump(head)[:-1]},"blocks":[\n{lines}{chr(10) if lines else ""}]}}\n'
    listed_s = min(max(index.listed_ms // 1000, 0), _LATEST_S)
    return gzip.compress(text.encode(), _COMPRESSION_LEVEL, mtime=listed_s)


def parse_bucket_index(body: bytes, *, source: str = BUCKET_INDEX_KEY) -> BucketIndex:
    """Return the index that an object holds. Raises CorruptionError. Call it in a thread."""
    lines = iter(_inflate(body, source).split(b"\n"))
    first = next(lines)
    if not first.endswith(b"["):
        raise CorruptionError("first line", source=source, offset=0, expected="a list's beginning", found="none")
    head = Fields(parse_object(first + _END, source=source), source=source)
    version = head.integer("version")
    if version != BUCKET_INDEX_VERSION:
        raise head.broken("version", str(BUCKET_INDEX_VERSION), str(version))
    count = head.integer("blockCount")
    blocks = {block.meta.ulid: block for block in _read_blocks(lines, source)}
    if len(blocks) != count:
        raise head.broken("blocks", f"{count}", f"{len(blocks)}")
    times = {"listed_ms": head.integer("listedMs"), "written_ms": head.integer("writtenMs")}
    return BucketIndex(blocks, writer=head.text("writer"), **times)


def read_listed_s(header: bytes) -> int | None:
    """Return the second in which the listing of an index began, from its first HEADER_BYTES; None where it is none."""
    if len(header) < HEADER_BYTES:
        return None
    magic, listed_s = _HEADER.unpack_from(header)
    return int(listed_s) if magic == _MAGIC else None


def _inflate(body: bytes, source: str) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(body, LARGEST_INDEX_BYTES)
    except zlib.error as error:
        raise CorruptionError("gzip", source=source, offset=0, expected="a gzip stream", found=str(error)) from error
    if not inflater.eof or inflater.unused_data:
        expected = f"one gzip stream of at most {LARGEST_INDEX_BYTES} bytes"
        raise CorruptionError("gzip", source=source, offset=0, expected=expected, found="no end, or more behind it")
    return text


def _read_blocks(lines: Iterator[bytes], source: str) -> Iterator[IndexedBlock]:
    for number, line in enumerate(lines):
        if line == _END:
            if list(lines) != [b""]:
                break
            return
        yield _read_block(parse_object(line.removesuffix(b","), source=source), f"{source}, block {number}")
    raise CorruptionError("end", source=source, offset=0, expected="']}' and a newline", found="something else")


def _read_block(document: JsonObject, source: str) -> IndexedBlock:
    fields = Fields(document, source=source)
    meta = read_meta(fields.fields("meta").rest(), source=source)
    files = {info.key.partition("/")[2]: info for info in _read_files(fields, meta.ulid)}
    if META_FILE not in files:
        raise fields.broken("files", META_FILE, "none")
    marks = fields.fields("marks")
    found = [
        read_mark(marks.fields(kind.file_name).rest(), kind, source=source)
        for kind in MarkKind
        if marks.holds(kind.file_name)
    ]
    if any(mark.ulid != meta.ulid for mark in found):
        raise fields.broken("marks", f"marks of {meta.ulid}", "one of another block")
    return IndexedBlock(meta, files, {mark.kind: mark for mark in found})


def _read_files(fields: Fields, ulid: str) -> Iterator[ObjectInfo]:
    for row in fields.rows("files"):
        match row:
            case [str(path), int(size_bytes), int(modified_ms), str(etag)]:
                yield ObjectInfo(f"{ulid}/{path}", size_bytes, modified_ms, etag)
            case _:
                raise fields.broken("files", "[path, bytes, modified ms, etag]", repr(row)[:80])


def _describe(block: IndexedBlock) -> JsonObject:
    return {
        "meta": describe_meta(block.meta),
        "files": [[path, info.size_bytes, info.modified_ms, info.etag] for path, info in sorted(block.files.items())],
        "marks": {kind.file_name: describe_mark(mark) for kind, mark in block.marks.items()},
    }


def _dump(document: JsonObject) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
