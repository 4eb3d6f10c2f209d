from __future__ import annotations

import json

import pytest

from promontory.block.markers import Mark, MarkKind, parse_mark, render_mark
from promontory.errors import CorruptionError

ULID = "01H8XGJWBWBAQ4ZZZZZZZZZZZZ"


@pytest.mark.parametrize("kind", MarkKind)
def test_a_mark_survives_the_round_trip(kind: MarkKind) -> None:
    reason = "" if kind is MarkKind.DELETION else "manual"
    mark = Mark(kind, ULID, 1_700_000_000, details="because", reason=reason)
    assert parse_mark(render_mark(mark), kind, source="mark") == mark


def test_a_deletion_mark_has_thanos_fields_in_seconds() -> None:
    body = render_mark(Mark(MarkKind.DELETION, ULID, 1_700_000_000))
    assert json.loads(body) == {"id": ULID, "version": 1, "deletion_time": 1_700_000_000}


def test_the_time_field_follows_the_kind() -> None:
    assert [kind.time_field for kind in MarkKind] == ["deletion_time", "no_compact_time", "no_downsample_time"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        json.dumps({"id": ULID, "version": 2, "deletion_time": 1}).encode(),
        json.dumps({"id": "x", "version": 1, "deletion_time": 1}).encode(),
        json.dumps({"id": ULID, "version": 1}).encode(),
    ],
)
def test_a_mark_that_cannot_be_trusted_is_refused(body: bytes) -> None:
    with pytest.raises(CorruptionError, match="deletion-mark"):
        parse_mark(body, MarkKind.DELETION, source="deletion-mark.json")
