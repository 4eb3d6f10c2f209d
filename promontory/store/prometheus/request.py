"""The remote-read request: ReadRequest { 1: Query { 1 start, 2 end, 3: LabelMatcher }, 2: accepted types }.

LabelMatcher { 1 type, 2 name, 3 value }. Source: prompb/remote.proto. Format: docs/formats/remote-read.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from promontory.model.matcher import Matcher, MatchKind
from promontory.model.time_range import TimeRange

MATCH_TYPES = {MatchKind.EQUAL: 0, MatchKind.NOT_EQUAL: 1, MatchKind.REGEX: 2, MatchKind.NOT_REGEX: 3}
SAMPLES = 0
STREAMED_XOR_CHUNKS = 1
STREAMED_CONTENT_TYPE = "application/x-streamed-protobuf"


def encode_read_request(matchers: Sequence[Matcher], time_range: TimeRange, *, accepted: Sequence[int]) -> bytes:
    """Return the message, not yet compressed; `accepted` in order of preference."""
    query = _number(1, time_range.min_time_ms) + _number(2, time_range.max_time_ms)
    for matcher in matchers:
        body = _number(1, MATCH_TYPES[matcher.kind]) + _bytes(2, matcher.name) + _bytes(3, matcher.value)
        query += _bytes(3, body)
    return _bytes(1, query) + _bytes(2, b"".join(_varint(kind) for kind in accepted))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
