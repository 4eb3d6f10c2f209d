"""Sites for the work that Thanos has not: series that retire, a ladder of one's own, parts; and uploads given up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder, default_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.proof.asking import RAW_QUERIES
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, Stream, write_history
from tests.compaction.proof.oracle import unite
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.scenarios import FLOATS, Scenario, make_deletion, make_downsampling, make_horizontal, mark
from tests.compaction.proof.sites import make_site

RULE = SeriesRule((Matcher(MatchKind.EQUAL, b"__name__", b"temp"),), DAY_MS)
(STREAM,) = default_ladder().streams
FINE_STEPS = (Step(0, 30 * DAY_MS), Step(MINUTE_MS, 0, 4 * HOUR_MS), Step(10 * MINUTE_MS, 0, 4 * HOUR_MS))


def make_rewrite(root: Path) -> Scenario:
    """Make raw blocks and one of 5m that hold a series which has retired meanwhile, and a fresh bucket index."""
    scenario = make_downsampling(root, kinds=FLOATS)
    now_ms = scenario.now_ms + 2 * DAY_MS
    asyncio.run(run_pass(scenario.site, CompactionSettings(), now_ms=now_ms - 10 * MINUTE_MS))
    scenario.site.touch(now_ms - 10 * MINUTE_MS)
    # The tests let days pass without a new sample.
    settings = CompactionSettings(ladder=Ladder((replace(STREAM, series=(RULE,)),)), deletion_share=1.0)
    queries = tuple(text for text in RAW_QUERIES if "temp" not in text)
    return replace(
        scenario, now_ms=now_ms, settings=settings, queries=queries, going=frozenset({b"temp"}), has_index=True
    )


def make_ladder(root: Path) -> Scenario:
    """Make a raw block of four hours past its time, to be downsampled to 1m and 10m before it goes."""
    site = make_site(root)
    stream = Stream({"cluster": "x"}, interval_ms=MINUTE_MS // 2, kinds=("up_total", "latency"))
    old = stream.saw(EPOCH_MS, EPOCH_MS + 4 * HOUR_MS)
    write_history(site.bucket, old, stream.labels, range_ms=4 * HOUR_MS, born_ms=EPOCH_MS + 4 * HOUR_MS)
    young_ms = EPOCH_MS + 40 * DAY_MS
    young = stream.saw(young_ms, young_ms + HOUR_MS)
    write_history(site.bucket, young, stream.labels, born_ms=young_ms + HOUR_MS)
    held = {Labels.from_mapping(stream.labels): unite([old, young])}
    settings = CompactionSettings(ladder=Ladder((StreamLadder(FINE_STEPS),)), deletion_share=1.0)
    range_ms = EPOCH_MS, EPOCH_MS + 4 * HOUR_MS
    return Scenario(site, young_ms + 3 * HOUR_MS, settings, held, range_ms, finest_ms=MINUTE_MS)


def make_parts(root: Path) -> Scenario:
    """Make a stream whose merge is to become two blocks, cut by the hash of the series."""
    scenario = make_horizontal(root)
    return replace(scenario, settings=CompactionSettings(parts=2, max_index_bytes=100))


def make_partials(root: Path) -> Scenario:
    """Make uploads that were given up: one long ago, one just now, and one that is marked for deletion."""
    scenario = make_deletion(root)
    bucket, now_ms = scenario.site.bucket, scenario.now_ms
    ages_ms = {"p": 3 * DAY_MS, "q": HOUR_MS, "r": 3 * DAY_MS}
    for name, age_ms in ages_ms.items():
        stream = Stream({"cluster": name}, kinds=("up_total",))
        seen = stream.saw(EPOCH_MS, EPOCH_MS + HOUR_MS)
        (meta,) = write_history(bucket, seen, stream.labels, born_ms=now_ms - age_ms)
        (bucket / meta.ulid / "meta.json").unlink()
        if name == "r":
            mark(bucket, meta, now_ms - age_ms)
        for path in (bucket / meta.ulid).rglob("*"):
            os.utime(path, ns=(10**6 * (now_ms - age_ms),) * 2)
    return scenario


OWN_SCENARIOS: dict[str, Callable[[Path], Scenario]] = {
    "rewrite": make_rewrite,
    "ladder": make_ladder,
    "parts": make_parts,
    "partials": make_partials,
}
