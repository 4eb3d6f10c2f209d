"""Keys of objects, and what is the same for every backend about keys, ranges and directories.

One rule: a key is a relative path of non-empty parts, none of them '.' or '..', without NUL or backslash. So a key
never leaves the bucket, whatever the backend makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promontory.bucket.port import ObjectInfo
from promontory.errors import InputError

SEPARATOR = "/"
_NO_PARTS = frozenset(("", ".", ".."))


def is_key(text: str) -> bool:
    """Say whether a text is a key."""
    return "\0" not in text and "\\" not in text and _NO_PARTS.isdisjoint(text.split(SEPARATOR))


def check_key(key: str) -> None:
    """Raise InputError where a text is no key."""
    if not is_key(key):
        raise InputError(f"object key: expected a relative path without empty, '.' or '..' parts, found {key!r}")


def check_range(key: str, start: int, end: int) -> None:
    """Raise InputError where [start, end) is no range of bytes."""
    if not 0 <= start <= end:
        raise InputError(f"byte range of {key!r}: expected 0 <= start <= end, found [{start}, {end})")


def collapse_directories(objects: Iterable[ObjectInfo], prefix: str) -> Iterator[ObjectInfo]:
    """Yield the direct children of a prefix: of a sorted listing, each run below one directory as one entry."""
    last = ""
    for found in objects:
        name, separator, _ = found.key[len(prefix) :].partition(SEPARATOR)
        if not separator:
            yield found
        elif (directory := prefix + name + SEPARATOR) != last:
            last = directory
            yield directory_info(directory)


def directory_info(key: str) -> ObjectInfo:
    """Return the entry that stands for a directory in a listing that does not recurse."""
    return ObjectInfo(key=key, size_bytes=0, modified_ms=0)
