"""From matchers to the postings lists that answer them.

One rule, Prometheus': an absent label is an empty value.
    a matcher that refuses the empty value   keeps  the series in the lists of the values that fulfil it
    a matcher that accepts it                removes the series in the lists of the values that do not
With only removing matchers the start is the list of all series.
Source: prometheus tsdb/querier.go, PostingsForMatchers. Format: docs/formats/index.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import ALL_POSTINGS, IndexHeader
from promontory.errors import CorruptionError
from promontory.kernels.postings import (
    LIST_BAD_CRC,
    LIST_CUT,
    LIST_GOOD,
    LIST_MALFORMED,
    intersect_refs,
    measure_lists,
    read_lists,
    subtract_refs,
)
from promontory.model.matcher import Matcher, MatchKind

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]

VALUES_PER_LOOKUP = 50
"""Looking one value up costs as much as matching so many."""

_SINGLE = (MatchKind.EQUAL, MatchKind.NOT_EQUAL)
_SPECIAL = re.compile(rb"[\\.+*?()\[\]{}^$]")
_EXPECTED = {
    LIST_CUT: "a list inside the section",
    LIST_BAD_CRC: "the stored CRC",
    LIST_MALFORMED: "a length that fits the count",
}


@dataclass(frozen=True, slots=True)
class PostingsGroup:
    """The lists of one matcher, bytes [start, end) of the index, int64[k] each; the series in any of them count."""

    start: Offsets
    end: Offsets
    removes: bool


def plan_postings(header: IndexHeader, matchers: Sequence[Matcher]) -> list[PostingsGroup] | None:
    """Return the groups of lists to combine, None where no series can match; the first group keeps."""
    keeping, removing = [], []
    # A single list costs one look-up: where it is missing, no label's values need be gone through.
    for matcher in sorted(matchers, key=lambda one: one.kind not in _SINGLE):
        group = _group_of(header, matcher)
        if group.removes:
            if len(group.start):
                removing.append(group)
        elif len(group.start):
            keeping.append(group)
        else:
            return None
    if not keeping:
        span = header.find_list(ALL_POSTINGS, b"")
        if span is None:
            return None
        keeping.append(_single(span, removes=False))
    return [*keeping, *removing]


def combine_postings(groups: Sequence[PostingsGroup], refs: Sequence[Refs]) -> Refs:
    """Return uint32[n]: the refs in every keeping group and in no removing one, rising."""
    kept = sorted((found for group, found in zip(groups, refs, strict=True) if not group.removes), key=len)
    result = kept[0]
    for other in kept[1:]:
        if not len(result):
            return result
        out = np.empty(len(result), np.uint32)
        result = out[: intersect_refs(result, other, out)]
    for group, found in zip(groups, refs, strict=True):
        if group.removes and len(result):
            out = np.empty(len(result), np.uint32)
            result = out[: subtract_refs(result, found, out)]
    return result


def read_postings(data: Bytes, start: Offsets, *, origin: int, source: str) -> Refs:
    """Return uint32[n]: the refs of the lists at `start` in `data`, one list after the other.

    `origin` is the place of data[0] in the index. Raises CorruptionError.
    """
    count = np.empty(len(start), np.int64)
    index, status = measure_lists(data, start, count)
    if status == LIST_GOOD:
        refs = np.empty(int(count.sum()), np.uint32)
        index = read_lists(data, start, count, refs)
        if index == len(start):
            return refs
        status = LIST_MALFORMED
    raise CorruptionError(
        "postings list",
        source=source,
        offset=origin + int(start[index]),
        expected=_EXPECTED[status],
        found="other bytes",
    )


def _group_of(header: IndexHeader, matcher: Matcher) -> PostingsGroup:
    removes = matcher.matches_empty
    simple = MatchKind.NOT_EQUAL if removes else MatchKind.EQUAL
    if matcher.kind is simple:
        span = header.find_list(matcher.name, matcher.value) if matcher.name else None
        return _single(span, removes=removes) if span else _none(removes=removes)
    if not matcher.name:
        return _none(removes=removes)
    literals = _find_literals(matcher, removes=removes)
    if literals and len(literals) * VALUES_PER_LOOKUP <= header.count_values(matcher.name):
        spans = [span for value in literals if (span := header.find_list(matcher.name, value)) is not None]
        both = np.array(spans, np.int64).reshape(-1, 2)
        return PostingsGroup(both[:, 0].copy(), both[:, 1].copy(), removes)
    table = header.read_values(matcher.name)
    if not len(table.value_start):
        return _none(removes=removes)
    chosen = matcher.select(table.arrow()) != removes
    return PostingsGroup(table.list_start[chosen], table.list_end[chosen], removes)


def _find_literals(matcher: Matcher, *, removes: bool) -> list[bytes]:
    """Return the values that a regular expression of plain alternatives names, where just their lists are wanted."""
    if matcher.kind is not (MatchKind.NOT_REGEX if removes else MatchKind.REGEX) or _SPECIAL.search(matcher.value):
        return []
    return sorted(set(matcher.value.split(b"|")))


def _single(span: tuple[int, int], *, removes: bool) -> PostingsGroup:
    return PostingsGroup(np.array([span[0]], np.int64), np.array([span[1]], np.int64), removes)


def _none(*, removes: bool) -> PostingsGroup:
    return PostingsGroup(np.empty(0, np.int64), np.empty(0, np.int64), removes)
