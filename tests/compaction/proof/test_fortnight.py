"""Two weeks of two-hour blocks, as nobody told the compactor otherwise: one block of each of Thanos' resolutions."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.time_range import TimeGrid
from tests.compaction.proof.asking import ask
from tests.compaction.proof.histogram_counters import check_coarser_counters, read_reset_flags
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, Stream, write_history
from tests.compaction.proof.oracle import FIVE_MINUTES_MS, check_windows, cut
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw, read_windows
from tests.compaction.proof.sites import make_site

END_MS = EPOCH_MS + 14 * DAY_MS
FINE = ("sum by (job) (rate(up_total[1h]))", "max_over_time(temp[1h])", "histogram_quantile(0.9, rate(latency[2h]))")
# Of whole windows, each of which ends a millisecond before the step: every resolution answers the same.
COARSE = ("max_over_time(temp[12h])", "min_over_time(temp[12h])", "sum_over_time(up_total[12h])")
FINE_GRID = TimeGrid(EPOCH_MS, END_MS, 5 * HOUR_MS)
COARSE_GRID = TimeGrid(EPOCH_MS + 12 * HOUR_MS - 1, END_MS - 1, 6 * HOUR_MS)


async def test_a_fortnight_becomes_one_block_of_each_resolution(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    stream = Stream({"cluster": "x"}, interval_ms=4 * MINUTE_MS, kinds=("up_total", "temp", "latency"))
    seen = stream.saw(EPOCH_MS, END_MS + 4 * HOUR_MS)
    assert len(write_history(site.bucket, seen, stream.labels, born_ms=END_MS)) == 170
    now_ms = END_MS + 6 * HOUR_MS
    bucket = FilesystemBucket(site.bucket)
    fine = await ask(bucket, FINE, FINE_GRID, now_ms=now_ms)
    coarse = await ask(bucket, COARSE, COARSE_GRID, now_ms=now_ms)
    await run_pass(site, CompactionSettings(), now_ms=now_ms)
    site.touch(now_ms)
    lying = site.look()
    long = [meta for meta in lying.unmarked() if (meta.min_time_ms, meta.max_time_ms) == (EPOCH_MS, END_MS)]
    assert [meta.resolution_ms for meta in long] == [0, FIVE_MINUTES_MS, HOUR_MS]
    assert len(lying.unmarked()) == 5
    assert {len(meta.compaction.sources) for meta in long} == {168}
    assert [meta.compaction.level for meta in long] == [4, 4, 4]
    raw = [meta for meta in lying.unmarked() if meta.resolution_ms == 0]
    assert join_raw(site.bucket, raw) == {Labels.from_mapping(stream.labels): seen}
    compared = counters = 0
    samples = cut(seen, EPOCH_MS, END_MS)
    fives, hours = (read_windows(site.bucket / meta.ulid) for meta in long[1:])
    flags = read_reset_flags(site.bucket / long[1].ulid)
    for labels, row in samples.items():
        compared += check_windows(row, fives[labels], FIVE_MINUTES_MS)
        compared += check_windows(row, hours[labels], HOUR_MS)
        if labels.get(b"__name__") == b"latency":
            chunks = fives[labels]["counter"], flags[labels], hours[labels]["counter"]
            counters += check_coarser_counters(*chunks, HOUR_MS)
    assert compared > 10_000
    assert counters > 300
    assert await ask(bucket, FINE, FINE_GRID, now_ms=now_ms) == fine
    for resolution_ms in (0, FIVE_MINUTES_MS, HOUR_MS):
        assert await ask(bucket, COARSE, COARSE_GRID, now_ms=now_ms, resolution_ms=resolution_ms) == coarse
