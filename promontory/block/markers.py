"""Marks beside a block: it is to be deleted, or must not be compacted or downsampled.

    <ULID>/deletion-mark.json       { id version details? deletion_time }            seconds since the epoch
    <ULID>/no-compact-mark.json     { id version details? no_compact_time reason }
    <ULID>/no-downsample-mark.json  { id version details? no_downsample_time reason }

One rule: the first mark stays; nobody overwrites it. A mark that cannot be read counts as absent (the caller warns).
Source: thanos pkg/block/metadata/markers.go. Format: docs/formats/markers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from promontory.block.strict_json import Fields, JsonObject, parse_object, render_object
from promontory.block.ulid import is_ulid

MARK_VERSION = 1
# The reason of a mark that people put: Thanos' word.
MANUAL_REASON = "manual"


class MarkKind(Enum):
    """The three marks; the value is the file name."""

    DELETION = "deletion-mark.json"
    NO_COMPACT = "no-compact-mark.json"
    NO_DOWNSAMPLE = "no-downsample-mark.json"

    @property
    def file_name(self) -> str:
        """The name of the mark's object inside the block."""
        return self.value

    @property
    def time_field(self) -> str:
        """The JSON field that holds the time of the mark."""
        return self.value.removesuffix("-mark.json").replace("-", "_") + "_time"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on one block. `time_s` is in unix seconds, as in the file; `reason` is empty for a deletion."""

    kind: MarkKind
    ulid: str
    time_s: int
    details: str = ""
    reason: str = ""


def mark_by_hand(kind: MarkKind, ulid: str, *, details: str, time_s: int) -> Mark:
    """Return the mark that somebody asks for; a deletion has no word for its reason."""
    return Mark(kind, ulid, time_s, details=details, reason="" if kind is MarkKind.DELETION else MANUAL_REASON)


def parse_mark(body: bytes, kind: MarkKind, *, source: str) -> Mark:
    """Return the mark that a document holds. Raises CorruptionError naming `source` and the field."""
    return read_mark(parse_object(body, source=source), kind, source=source)


def read_mark(document: JsonObject, kind: MarkKind, *, source: str) -> Mark:
    """Return the mark that a JSON object says, which may be a part of a larger document. Raises CorruptionError."""
    fields = Fields(document, source=source)
    version = fields.integer("version")
    if version != MARK_VERSION:
        raise fields.broken("version", str(MARK_VERSION), str(version))
    ulid = fields.text("id")
    if not is_ulid(ulid):
        raise fields.broken("id", "a ULID", repr(ulid))
    return Mark(
        kind=kind,
        ulid=ulid,
        time_s=fields.integer(kind.time_field),
        details=fields.text("details", default=""),
        reason="" if kind is MarkKind.DELETION else fields.text("reason", default=""),
    )


def render_mark(mark: Mark) -> bytes:
    """Return the document of a mark."""
    return render_object(describe_mark(mark))


def describe_mark(mark: Mark) -> JsonObject:
    """Return the JSON object of a mark."""
    document: dict[str, object] = {"id": mark.ulid, "version": MARK_VERSION}
    if mark.details:
        document["details"] = mark.details
    document[mark.kind.time_field] = mark.time_s
    if mark.kind is not MarkKind.DELETION:
        document["reason"] = mark.reason
    return document
