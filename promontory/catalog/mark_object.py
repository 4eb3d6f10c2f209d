"""A mark as an object of a bucket: how it is read, wherever one is."""

from __future__ import annotations

from promontory.block.markers import Mark, MarkKind, parse_mark
from promontory.block.strict_json import MAX_DOCUMENT_BYTES
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.errors import CorruptionError


async def read_mark_object(bucket: Bucket, ulid: str, kind: MarkKind, *, listed: ObjectInfo) -> Mark:
    """Return the mark of a block. Raises CorruptionError where it is none, ObjectNotFound where it has gone."""
    key = f"{ulid}/{kind.file_name}"
    if listed.size_bytes > MAX_DOCUMENT_BYTES:
        expected = f"at most {MAX_DOCUMENT_BYTES} bytes"
        raise CorruptionError("size", source=key, offset=0, expected=expected, found=f"{listed.size_bytes}")
    mark = parse_mark(await bucket.get(key), kind, source=key)
    if mark.ulid != ulid:
        raise CorruptionError("field id", source=key, offset=0, expected=ulid, found=mark.ulid)
    return mark
