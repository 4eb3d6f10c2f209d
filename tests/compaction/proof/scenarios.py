"""Small sites on which one pass has something to do: one for each kind of work, made in well under a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind, render_mark
from promontory.block.meta import BlockMeta
from promontory.compaction.ladder import default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.proof.asking import RAW_QUERIES
from tests.compaction.proof.history import (
    DAY_MS,
    EPOCH_MS,
    HOUR_MS,
    MINUTE_MS,
    Content,
    Stream,
    change_meta,
    write_history,
)
from tests.compaction.proof.oracle import FIVE_MINUTES_MS, cut, unite
from tests.compaction.proof.sites import Site, make_site

FLOATS = ("up_total", "temp")


@dataclass(frozen=True)
class Scenario:
    """A site, when its pass runs, what the compactor was told, and what each Prometheus of it saw.

    `held` is by the labels that are left without replica labels: what raw samples the bucket is to hold, ever, but for
    the series whose names are in `going`: of those a block has all or none. `queries` are answered the same throughout.
    `finest_ms` is the resolution that is made of raw samples; `has_index`: the pass finds a fresh bucket index.
    """

    site: Site
    now_ms: int
    settings: CompactionSettings = field(default_factory=CompactionSettings)
    held: dict[Labels, Content] = field(default_factory=dict)
    range_ms: tuple[int, int] = (EPOCH_MS, EPOCH_MS + DAY_MS)
    queries: tuple[str, ...] = RAW_QUERIES
    going: frozenset[bytes] = frozenset()
    finest_ms: int = FIVE_MINUTES_MS
    has_index: bool = False


def make_horizontal(root: Path) -> Scenario:
    """Make a stream of 2 h blocks, of which one is missing: three become one of 8 h, the newest stays."""
    site = make_site(root)
    x = Stream({"cluster": "x"}, kinds=("up_total", "temp", "latency"))
    end_ms = EPOCH_MS + 10 * HOUR_MS
    seen = unite([x.saw(EPOCH_MS, EPOCH_MS + 2 * HOUR_MS), x.saw(EPOCH_MS + 4 * HOUR_MS, end_ms)])
    write_history(site.bucket, seen, x.labels, born_ms=end_ms)
    return Scenario(site, end_ms + 3 * HOUR_MS, held={_labels(x): seen}, range_ms=(EPOCH_MS, end_ms))


def make_vertical(root: Path) -> Scenario:
    """Make two replicas that missed different hours, to be merged into one stream."""
    site = make_site(root)
    end_ms = EPOCH_MS + 4 * HOUR_MS
    replicas = []
    for name, outage_h in (("a", 1), ("b", 3)):
        stream = Stream({"cluster": "x", "replica": name})
        outage_ms = EPOCH_MS + outage_h * HOUR_MS
        seen = unite([stream.saw(EPOCH_MS, outage_ms), stream.saw(outage_ms + 20 * MINUTE_MS, end_ms)])
        write_history(site.bucket, seen, stream.labels, born_ms=end_ms)
        replicas.append(seen)
    settings = CompactionSettings(vertical=True, replica_labels=("replica",))
    held = {Labels.from_mapping({"cluster": "x"}): unite(replicas)}
    return Scenario(site, end_ms + 3 * HOUR_MS, settings, held, range_ms=(EPOCH_MS, end_ms))


def make_downsampling(root: Path, *, kinds: Sequence[str] = ("up_total", "temp", "latency", "sizes")) -> Scenario:
    """Make a raw block of two days and the beginning of the next, to be downsampled to 5m."""
    site = make_site(root)
    stream = Stream({"cluster": "x"}, interval_ms=6 * MINUTE_MS, kinds=kinds)
    end_ms = EPOCH_MS + 2 * DAY_MS
    seen = stream.saw(EPOCH_MS, end_ms)
    write_history(site.bucket, seen, stream.labels, range_ms=2 * DAY_MS, born_ms=end_ms)
    newest = stream.saw(end_ms, end_ms + 2 * HOUR_MS)
    write_history(site.bucket, newest, stream.labels, born_ms=end_ms)
    held = {_labels(stream): unite([seen, newest])}
    return Scenario(site, end_ms + 3 * HOUR_MS, held=held, range_ms=(EPOCH_MS, end_ms + 2 * HOUR_MS))


def make_retention(root: Path) -> Scenario:
    """Make a raw block of two days past its time, whose cover of 5m does not exist yet, and young blocks."""
    scenario = make_downsampling(root)
    # The test lets days pass without a new sample: the guard against wrong clocks would not let anything be deleted.
    settings = CompactionSettings(ladder=default_ladder(raw_keep_ms=30 * DAY_MS), deletion_share=1.0)
    stream = Stream({"cluster": "x"}, interval_ms=6 * MINUTE_MS, kinds=FLOATS)
    young_ms = EPOCH_MS + 40 * DAY_MS
    young = stream.saw(young_ms, young_ms + 8 * HOUR_MS)
    write_history(scenario.site.bucket, young, stream.labels, born_ms=young_ms + DAY_MS)
    held = {labels: unite([content, young]) for labels, content in scenario.held.items()}
    return replace(scenario, now_ms=young_ms + 2 * DAY_MS, settings=settings, held=held)


def make_deletion(root: Path) -> Scenario:
    """Make a block marked long ago, one marked just now, an upload that was given up, and a block that is covered."""
    site = make_site(root)
    x, y = Stream({"cluster": "x"}, kinds=FLOATS), Stream({"cluster": "y"}, kinds=FLOATS)
    end_ms = EPOCH_MS + 8 * HOUR_MS
    seen = x.saw(EPOCH_MS, end_ms)
    parts = write_history(site.bucket, seen, x.labels, born_ms=end_ms)
    (whole,) = write_history(site.bucket, seen, x.labels, range_ms=8 * HOUR_MS, born_ms=end_ms + HOUR_MS, tag="whole")
    claim_sources(site.bucket, whole, parts, level=2)
    now_ms = end_ms + 10 * DAY_MS
    gone = y.saw(EPOCH_MS, EPOCH_MS + 6 * HOUR_MS)
    marked = write_history(site.bucket, gone, y.labels, born_ms=end_ms)
    mark(site.bucket, marked[0], now_ms - 3 * DAY_MS)
    mark(site.bucket, marked[1], now_ms - HOUR_MS)
    (partial,) = write_history(site.bucket, x.saw(end_ms, end_ms + HOUR_MS), {"cluster": "z"}, born_ms=end_ms)
    (site.bucket / partial.ulid / "meta.json").unlink()
    held = {_labels(x): seen, _labels(y): cut(gone, EPOCH_MS + 2 * HOUR_MS, end_ms)}
    return Scenario(site, now_ms, held=held, range_ms=(EPOCH_MS, end_ms))


SCENARIOS: dict[str, Callable[[Path], Scenario]] = {
    "horizontal": make_horizontal,
    "vertical": make_vertical,
    "downsampling": make_downsampling,
    "retention": make_retention,
    "deletion": make_deletion,
}


def claim_sources(bucket: Path, meta: BlockMeta, parents: list[BlockMeta], *, level: int) -> BlockMeta:
    """Let a block say that it was made of others by a compactor."""

    def change(document: dict[str, object]) -> None:
        document["compaction"] = {
            "level": level,
            "sources": sorted(source for parent in parents for source in parent.compaction.sources),
            "parents": [
                {"ulid": parent.ulid, "minTime": parent.min_time_ms, "maxTime": parent.max_time_ms}
                for parent in parents
            ],
        }
        thanos = document["thanos"]
        assert isinstance(thanos, dict)
        thanos["source"] = "compactor"

    return change_meta(bucket / meta.ulid, change)


def mark(bucket: Path, meta: BlockMeta, time_ms: int, *, kind: MarkKind = MarkKind.DELETION) -> None:
    """Mark a block as of a time."""
    body = render_mark(Mark(kind, meta.ulid, time_ms // 1000, reason="" if kind is MarkKind.DELETION else "manual"))
    assert json.loads(body)
    (bucket / meta.ulid / kind.file_name).write_bytes(body)


def _labels(stream: Stream) -> Labels:
    return Labels.from_mapping(stream.labels)
