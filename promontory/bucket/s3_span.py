"""Which bytes of an object an S3 answer carries; no I/O.

    asked  Range: bytes=10-19      whole object of 15 bytes
    good   206  Content-Range: bytes 10-14/15   Content-Length: 5
    good   200  with the same Content-Range     (rclone's server)
    good   200  without it, if the range starts at 0 and holds the whole object
    else   an error: a range that was ignored would be read as other bytes

Source: RFC 9110 section 14.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from promontory.errors import BucketError

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)


def range_header(start: int, end: int | None) -> str | None:
    """Return the Range header that asks for [start, end); None where the whole object is meant."""
    if start == 0 and end is None:
        return None
    return f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"


def span_end(response: Mapping[str, object], start: int, end: int | None, *, key: str) -> int:
    """Return where the bytes of an answer end in the object, after checking that they are those asked for."""
    length, content_range = response.get("ContentLength"), response.get("ContentRange")
    if not isinstance(length, int):
        raise _unfit(key, "a Content-Length", "none")
    if not isinstance(content_range, str):
        if start != 0 or (end is not None and length > end):
            raise _unfit(key, f"Content-Range for {range_header(start, end)}", f"the whole object of {length} bytes")
        return length
    found = _CONTENT_RANGE.fullmatch(content_range)
    if found is None:
        raise _unfit(key, "Content-Range: bytes first-last/size", content_range)
    first, last, size_bytes = (int(number) for number in found.groups())
    wanted_end = size_bytes if end is None else min(end, size_bytes)
    if first != start or last + 1 != wanted_end or length != wanted_end - start:
        raise _unfit(key, f"bytes {start}-{wanted_end - 1}", f"{content_range} with {length} bytes")
    return wanted_end


def _unfit(key: str, expected: str, found: str) -> BucketError:
    return BucketError(f"unfit answer: expected {expected}, found {found}", key=key, operation="get range")
