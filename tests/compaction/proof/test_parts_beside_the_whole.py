"""A stream that was cut into parts answers as before, raw and coarse, while blocks of the whole are still there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.ladder import Ladder, Step, StreamLadder
from promontory.compaction.settings import CompactionSettings
from promontory.model.time_range import TimeGrid
from tests.compaction.proof.asking import COARSE_QUERIES, ask
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, MINUTE_MS, Stream, write_history
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.sites import Site, make_site

FIVE_MINUTES_MS = 5 * MINUTE_MS
LADDER = Ladder((StreamLadder((Step(0), Step(FIVE_MINUTES_MS, after_ms=6 * HOUR_MS))),))
SHORT = CompactionSettings(ranges_ms=(HOUR_MS, 2 * HOUR_MS, 8 * HOUR_MS), ladder=LADDER)
CUT = CompactionSettings(ranges_ms=(HOUR_MS, 2 * HOUR_MS, 8 * HOUR_MS, 48 * HOUR_MS), ladder=LADDER, parts=3,
                         max_index_bytes=10)  # fmt: skip
END_MS = EPOCH_MS + 52 * HOUR_MS
NOW_MS = END_MS + 3 * HOUR_MS
GRID = TimeGrid(EPOCH_MS + 6 * HOUR_MS, EPOCH_MS + 46 * HOUR_MS, HOUR_MS)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path / "site")
    stream = Stream({"cluster": "x"}, interval_ms=4 * MINUTE_MS, kinds=("up_total", "temp", "sparse_total"))
    write_history(made.bucket, stream.saw(EPOCH_MS, END_MS), stream.labels, born_ms=END_MS)
    return made


def compact(site: Site, settings: CompactionSettings, *, days: int = 0) -> None:
    now_ms = NOW_MS + days * 24 * HOUR_MS
    asyncio.run(run_pass(site, settings, now_ms=now_ms))
    site.touch(now_ms)


def answer(site: Site, resolution_ms: int, *, days: int = 0) -> dict[str, bytes]:
    bucket, now_ms = FilesystemBucket(site.bucket), NOW_MS + days * 24 * HOUR_MS + 2 * HOUR_MS
    return asyncio.run(ask(bucket, COARSE_QUERIES, GRID, now_ms=now_ms, resolution_ms=resolution_ms))


def kinds(site: Site, *, hours: int) -> list[tuple[int, bool]]:
    """Return of the unmarked blocks of a length the resolution, and whether they are parts."""
    return sorted(
        (meta.resolution_ms, meta.labels != meta.stream_labels)
        for meta in site.look().unmarked()
        if meta.max_time_ms - meta.min_time_ms == hours * HOUR_MS
    )


def test_coarse_blocks_of_the_whole_answer_for_its_parts(site: Site) -> None:
    compact(site, SHORT)
    raw, coarse = answer(site, 0), answer(site, FIVE_MINUTES_MS)
    compact(site, replace(CUT, downsampling=False))
    assert set(kinds(site, hours=48)) == {(0, True)}
    assert kinds(site, hours=8) == [(FIVE_MINUTES_MS, False)] * 6
    for days in (0, 1, 3):
        assert (answer(site, 0, days=days), answer(site, FIVE_MINUTES_MS, days=days)) == (raw, coarse)
        compact(site, replace(CUT, max_index_bytes=0), days=days)
    assert set(kinds(site, hours=48)) == {(0, True)}


def test_what_is_long_enough_to_be_downsampled_is_so_before_it_is_cut(site: Site) -> None:
    compact(site, replace(SHORT, downsampling=False))
    compact(site, CUT)
    assert kinds(site, hours=48) == []
    raw, coarse = answer(site, 0), answer(site, FIVE_MINUTES_MS)
    compact(site, CUT)
    assert (0, True) in kinds(site, hours=48)
    assert (answer(site, 0), answer(site, FIVE_MINUTES_MS)) == (raw, coarse)


def test_parts_are_downsampled_once_nothing_of_the_whole_is_left(site: Site) -> None:
    long = replace(CUT, ladder=Ladder((StreamLadder((Step(0), Step(FIVE_MINUTES_MS, after_ms=48 * HOUR_MS))),)))
    compact(site, replace(SHORT, downsampling=False))
    compact(site, long)
    raw = answer(site, 0)
    parts = kinds(site, hours=48)
    assert set(parts) == {(0, True)}
    assert answer(site, FIVE_MINUTES_MS) == raw
    compact(site, replace(long, deletion_share=1.0), days=3)
    compact(site, long, days=3)
    assert kinds(site, hours=48) == sorted([*parts, *((FIVE_MINUTES_MS, True) for _ in parts)])
    assert answer(site, 0, days=3) == raw
