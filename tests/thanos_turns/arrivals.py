"""What Prometheus pairs upload, turn by turn: days of 2 h blocks up to now, with gaps, floats and native histograms.

Thanos has no clock but the machine's, so the history ends now. It begins twelve days before a border of two weeks that
is at least three days ago: there is a range of 14 d that is full, one that only begins, and one of 10 d to downsample.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promontory.block.markers import Mark, MarkKind, render_mark
from promontory.block.meta import BlockMeta
from tests.compaction.proof.history import DAY_MS, HOUR_MS, MINUTE_MS, Content, Stream, write_history

KINDS = ("up_total", "temp", "sparse_total", "latency", "sizes")
BEFORE_BORDER_MS = 12 * DAY_MS
TURNS = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """What one Prometheus saw, and which parts of it never came to the bucket, in hours since the beginning."""

    stream: Stream
    lost_h: Sequence[tuple[int, int]] = ()
    range_ms: int = 2 * HOUR_MS
    only_h: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Uploads, the flags that both compactors are given, and marks that people set: kind by hour of the block.

    `our_flags` only ours is given. `is_kept_longer`: ours waits for the cover where Thanos deletes at once, so of what
    Thanos has left nothing may be missing, but more may be there.
    """

    uploads: Sequence[Upload]
    flags: Sequence[str] = ()
    our_flags: Sequence[str] = ()
    marks: Sequence[tuple[MarkKind, int]] = ()
    delete_delay_s: int = 48 * 3600
    is_kept_longer: bool = False

    @property
    def does_delete(self) -> bool:
        """Whether blocks that were marked go within the history."""
        return self.delete_delay_s < 60


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The times between which each turn's blocks lie."""

    borders_ms: tuple[int, ...] = field(default_factory=lambda: find_borders(int(time.time() * 1000)))

    @property
    def start_ms(self) -> int:
        """When the history begins."""
        return self.borders_ms[0]

    def upload(self, scenario: Scenario, turn: int, bucket: Path) -> None:
        """Put what arrives before a turn into a bucket; the same ULIDs each time."""
        bucket.mkdir(parents=True, exist_ok=True)
        since_ms, until_ms = self.borders_ms[turn : turn + 2]
        for number, upload in enumerate(scenario.uploads):
            seen = self._seen(upload, since_ms, until_ms)
            if seen:
                metas = write_history(
                    bucket, seen, upload.stream.labels, range_ms=upload.range_ms, born_ms=until_ms, tag=str(number)
                )
                self._mark(scenario, metas, bucket)

    def _seen(self, upload: Upload, since_ms: int, until_ms: int) -> Content:
        if upload.only_h is not None:
            since_ms = max(since_ms, self.start_ms + upload.only_h[0] * HOUR_MS)
            until_ms = min(until_ms, self.start_ms + upload.only_h[1] * HOUR_MS)
        if since_ms >= until_ms:
            return {}
        lost = [(self.start_ms + first * HOUR_MS, self.start_ms + last * HOUR_MS) for first, last in upload.lost_h]
        return _without(upload.stream.saw(since_ms, until_ms), lost)

    def _mark(self, scenario: Scenario, metas: Iterable[BlockMeta], bucket: Path) -> None:
        hours = {self.start_ms + hour * HOUR_MS: kind for kind, hour in scenario.marks}
        for meta in metas:
            kind = hours.get(meta.min_time_ms)
            if kind is not None:
                mark = Mark(kind, meta.ulid, int(time.time()), reason="manual", details="of the scenario")
                (bucket / meta.ulid / kind.file_name).write_bytes(render_mark(mark))


def find_borders(now_ms: int) -> tuple[int, ...]:
    """Return where each turn's blocks begin, and where the last end: now."""
    last_ms = now_ms // (2 * HOUR_MS) * (2 * HOUR_MS)
    fortnight_ms = (now_ms - 3 * DAY_MS) // (14 * DAY_MS) * (14 * DAY_MS)
    first_ms = fortnight_ms - BEFORE_BORDER_MS
    step_ms = (last_ms - first_ms) // TURNS // (2 * HOUR_MS) * (2 * HOUR_MS)
    return (*(first_ms + turn * step_ms for turn in range(TURNS)), last_ms)


def _without(content: Content, lost: Sequence[tuple[int, int]]) -> Content:
    found = {
        labels: [sample for sample in samples if not any(first <= sample[0] < last for first, last in lost)]
        for labels, samples in content.items()
    }
    return {labels: samples for labels, samples in found.items() if samples}


def _stream(shift_ms: int = 0, **labels: str) -> Stream:
    return Stream(labels, interval_ms=4 * MINUTE_MS, shift_ms=shift_ms, kinds=KINDS)


def _pair(shift_ms: int) -> tuple[Upload, ...]:
    return (
        Upload(_stream(cluster="x", replica="a"), lost_h=((5, 9), (40, 41), (100, 131))),
        Upload(_stream(shift_ms, cluster="x", replica="b"), lost_h=((7, 8), (50, 77))),
        Upload(_stream(cluster="y", replica="a"), lost_h=((200, 230),)),
    )


def _alone() -> tuple[Upload, ...]:
    return (
        Upload(_stream(cluster="x", replica="a"), lost_h=((30, 33), (60, 100))),
        Upload(_stream(cluster="y", replica="a")),
    )


def _overlapping() -> tuple[Upload, ...]:
    """Return a stream of which other blocks hold parts once more, as a second upload or a backfill does."""
    stream = _stream(cluster="x")
    return (
        Upload(stream, lost_h=((30, 33),)),
        Upload(stream, only_h=(24, 32), range_ms=8 * HOUR_MS),
        Upload(_stream(2 * MINUTE_MS, cluster="x"), only_h=(100, 112)),
        Upload(stream, only_h=(300, 302)),
    )


REPLICA = ("--deduplication.replica-label=replica",)
RETENTION = ("--retention.resolution-raw=5d", "--retention.resolution-5m=12d")
# Turns of a history of weeks are minutes apart: the guard against wrong clocks would not let so much be deleted.
BELIEVED = ("--delete.max-share=1",)
NO_COMPACT, NO_DOWNSAMPLE = MarkKind.NO_COMPACT, MarkKind.NO_DOWNSAMPLE
SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "streams": lambda: Scenario(_alone()),
    "deletions": lambda: Scenario(_alone(), delete_delay_s=1),
    "replicas": lambda: Scenario(_pair(0), REPLICA),
    "penalty": lambda: Scenario(_pair(17_000), (*REPLICA, "--deduplication.func=penalty")),
    "replicas-deleted": lambda: Scenario(_pair(0), REPLICA, delete_delay_s=1),
    "overlaps": lambda: Scenario(_overlapping(), ("--compact.enable-vertical-compaction",)),
    "marks": lambda: Scenario(_alone(), marks=((NO_COMPACT, 20), (NO_COMPACT, 150), (NO_DOWNSAMPLE, 250))),
    "retention": lambda: Scenario(_alone(), (*RETENTION, "--downsampling.disable"), BELIEVED, delete_delay_s=1),
    "covers": lambda: Scenario(_alone(), RETENTION, BELIEVED, delete_delay_s=1, is_kept_longer=True),
}
