import json
import math
import urllib.parse
import urllib.request

import numpy as np
import pytest

from promontory.block.block_set import write_blocks
from promontory.block.meta import parse_meta
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.model.labels import Labels
from promontory.model.samples import STALE_NAN_BITS
from tests.block.openmetrics import START_MS, make_series, render_labels, to_samples
from tests.block.plain_block import read_block
from tests.block.promtool import dump_blocks, run_promtool
from tests.parts import run_prometheus

HOUR_MS = 3_600_000
EXTERNAL = Labels.from_mapping({"cluster": "eu", "replica": "a"})


def write(folder, series, **options):
    half = len(series) // 2
    batches = [to_samples(part) for part in (series[:half], series[half:]) if part]
    return write_blocks(folder, batches, clock=SystemClock(), **options)


def same(left: float, right: float) -> bool:
    return (math.isnan(left) and math.isnan(right)) or (
        left == right and math.copysign(1, left) == math.copysign(1, right)
    )


@pytest.mark.parts
def test_promtool_lists_analyzes_and_dumps_every_sample_that_was_written(tmp_path):
    series = make_series()
    metas = write(tmp_path, series)
    listed = run_promtool("list", tmp_path)
    for meta in metas:
        assert meta.ulid in listed
        assert f"Series: {meta.stats.series_count}" in run_promtool("analyze", tmp_path, meta.ulid)
    dumped = dump_blocks(tmp_path)
    assert len(dumped) == len(series)
    for each in series:
        found = dumped[render_labels(each.labels, skip=b"", separator=", ")]
        assert [time for time, _ in found] == each.timestamps_ms.tolist()
        assert all(same(value, wanted) for (_, value), wanted in zip(found, each.values.tolist(), strict=True))


def test_blocks_are_cut_at_aligned_ranges_and_know_their_own_extent(tmp_path):
    series = make_series()
    metas = write(tmp_path, series, block_range_ms=HOUR_MS)
    times = np.concatenate([each.timestamps_ms for each in series])
    numbers = np.unique(times // HOUR_MS)
    assert len(metas) == len(numbers)
    for meta, number in zip(metas, numbers, strict=True):
        inside = times[times // HOUR_MS == number]
        assert (meta.min_time_ms, meta.max_time_ms) == (inside.min(), inside.max() + 1)
        assert meta.stats.sample_count == len(inside)
        for found in read_block(tmp_path / meta.ulid):
            assert all(chunk.max_ms - chunk.min_ms < HOUR_MS for chunk in found.chunks)


def test_meta_on_disk_names_labels_files_and_largest_entries(tmp_path):
    (meta, *_) = write(tmp_path, make_series(), external_labels=EXTERNAL, source="sidecar")
    path = tmp_path / meta.ulid
    assert parse_meta((path / "meta.json").read_bytes(), source="test") == meta
    assert meta.labels == EXTERNAL
    assert meta.thanos is not None
    assert meta.thanos.source == "sidecar"
    sizes = {file.path: file.size_bytes for file in meta.thanos.files}
    assert sizes == {
        "chunks/000001": (path / "chunks" / "000001").stat().st_size,
        "index": (path / "index").stat().st_size,
        "meta.json": None,
    }
    largest = max(len(chunk.payload) for series in read_block(path) for chunk in series.chunks)
    assert meta.thanos.chunk_max_bytes == largest + 7
    assert 32 <= meta.thanos.series_max_bytes <= 256


def test_no_samples_make_no_blocks(tmp_path):
    assert write_blocks(tmp_path, [], clock=SystemClock()) == []
    assert list(tmp_path.iterdir()) == []


def test_timestamps_that_do_not_rise_are_refused_and_nothing_is_left(tmp_path):
    samples = to_samples(make_series(6, samples=50))
    samples.timestamps_ms[170] = samples.timestamps_ms[169]
    with pytest.raises(InputError, match="expected rising timestamps"):
        write_blocks(tmp_path, [samples], clock=SystemClock())
    assert list(tmp_path.iterdir()) == []


def test_the_last_millisecond_of_int64_has_no_block(tmp_path):
    samples = to_samples(make_series(1, samples=3))
    samples.timestamps_ms[-1] = 2**63 - 1
    with pytest.raises(InputError, match="expected times before 9223372036854775807 ms"):
        write_blocks(tmp_path, [samples], clock=SystemClock())
    samples.timestamps_ms[-1] -= 1
    assert write_blocks(tmp_path, [samples], clock=SystemClock())[-1].max_time_ms == 2**63 - 1


def ask(prometheus, path, **parameters):
    url = f"{prometheus.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]["result"]


@pytest.mark.parts
def test_a_real_prometheus_answers_from_our_blocks(tmp_path):
    series = [each for each in make_series() if np.isfinite(each.values).all() and len(each.values) > 1]
    ended = next(each for each in series if each.labels.get(b"job") == b"j1")
    ended.values.view(np.uint64)[-1] = STALE_NAN_BITS
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", series, external_labels=EXTERNAL)

    def expected(time_ms):
        values = {}
        for each in series:
            place = int(np.searchsorted(each.timestamps_ms, time_ms, side="right")) - 1
            if place >= 0 and time_ms - each.timestamps_ms[place] <= 300_000:
                value = each.values[place : place + 1]
                if value.view(np.uint64)[0] != STALE_NAN_BITS:
                    values[tuple(sorted(each.labels.to_text().items()))] = value[0]
        return values

    with run_prometheus(tmp_path) as prometheus:
        for time_ms in (START_MS + 5_000_000, int(ended.timestamps_ms[-1])):
            found = ask(prometheus, "query", query='{__name__=~"m.*"}', time=time_ms / 1000)
            got = {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in found}
            assert got == expected(time_ms)
        start = START_MS + 600_000
        times = range(start, start + 20_000_000, 60_000)
        (row,) = ask(
            prometheus, "query_range", query='count({__name__=~"m.*"})', start=times[0] / 1000, end=times[-1] / 1000,
            step=60,
        )  # fmt: skip
        counts = {round(time * 1000): int(value) for time, value in row["values"]}
        wanted = {time: len(expected(time)) for time in times}
        assert counts == {time: count for time, count in wanted.items() if count}
