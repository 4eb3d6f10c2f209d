"""What is merged and downsampled is what plain Python makes of the same samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks
from promontory.model.labels import Labels
from tests.compaction.proof.histogram_counters import check_coarser_counters, read_reset_flags
from tests.compaction.proof.history import (
    DAY_MS,
    EPOCH_MS,
    HOUR_MS,
    MINUTE_MS,
    Content,
    Stream,
    bits_of,
    write_history,
)
from tests.compaction.proof.oracle import check_windows, has_windows, unite
from tests.compaction.proof.reading import Windows, read_raw, read_windows
from tests.e2e.penalty import merge

FIVE_MINUTES_MS = 5 * MINUTE_MS
ULID = "01HEXTV800SXKXPF28F9WDTT0Z"


def write(root: Path, seen: Content, name: str, *, range_ms: int = 2 * HOUR_MS) -> list[BlockMeta]:
    return write_history(root, seen, {"cluster": "x", "replica": name}, range_ms=range_ms, born_ms=EPOCH_MS + DAY_MS)


def merged(root: Path, metas: list[BlockMeta], *, deduplication: Deduplication = Deduplication.ONE_TO_ONE) -> Content:
    ordered = sorted(metas, key=lambda meta: (meta.min_time_ms, meta.ulid))
    job = Job(JobKind.MERGE, "0@1", tuple(meta.ulid for meta in ordered), 0, deduplication, ("replica",))
    meta = merge_blocks([root / meta.ulid for meta in ordered], root / "output", ulid=ULID, job=job)
    assert meta is not None
    content = read_raw(root / "output" / ULID)
    assert meta.stats.series_count == len(content)
    assert meta.stats.sample_count == sum(map(len, content.values()))
    return content


def test_blocks_one_after_the_other_become_one_with_the_same_samples(tmp_path: Path) -> None:
    seen = Stream({}).saw(EPOCH_MS, EPOCH_MS + 8 * HOUR_MS)
    assert merged(tmp_path, write(tmp_path, seen, "a")) == seen


def test_replicas_with_gaps_become_their_union(tmp_path: Path) -> None:
    stream, metas, replicas = Stream({}), [], []
    for name, outage_ms in (("a", EPOCH_MS + HOUR_MS), ("b", EPOCH_MS + 3 * HOUR_MS)):
        seen = unite([stream.saw(EPOCH_MS, outage_ms), stream.saw(outage_ms + 50 * MINUTE_MS, EPOCH_MS + 4 * HOUR_MS)])
        metas += write(tmp_path, seen, name)
        replicas.append(seen)
    assert merged(tmp_path, metas) == unite(replicas)


def test_replicas_that_scrape_at_different_times_interleave(tmp_path: Path) -> None:
    seen = [Stream({}, shift_ms=shift_ms).saw(EPOCH_MS, EPOCH_MS + 2 * HOUR_MS) for shift_ms in (0, 7000)]
    metas = [meta for name, one in zip("ab", seen, strict=True) for meta in write(tmp_path, one, name)]
    assert merged(tmp_path, metas) == unite(seen)


def test_the_penalty_takes_one_replica_and_the_other_where_it_has_a_gap(tmp_path: Path) -> None:
    # Whole samples of a replica stand in one chunk: chunks of both overlap, and the rule goes over all of them.
    name = Labels.from_mapping({"__name__": "up_total"})
    times = {
        "a": [*range(0, 30 * 15, 15), *range(60 * 15, 110 * 15, 15)],
        "b": range(7, 110 * 15, 15),
    }
    seen = {
        replica: {name: [(EPOCH_MS + 1000 * second, bits_of(float(number))) for number, second in enumerate(seconds)]}
        for replica, seconds in times.items()
    }
    metas = [meta for replica, one in seen.items() for meta in write(tmp_path, one, replica)]
    wanted = merge([[(time_ms, float(bits)) for time_ms, bits in one[name]] for one in seen.values()])  # type: ignore[arg-type]
    found = merged(tmp_path, metas, deduplication=Deduplication.PENALTY)
    assert [(time_ms, float(bits)) for time_ms, bits in found[name]] == wanted  # type: ignore[arg-type]
    assert 100 < len(wanted) < 120


@pytest.mark.parametrize("interval_ms", [MINUTE_MS, 7 * MINUTE_MS, 30_000 + 1])
def test_windows_of_5m_and_1h_are_those_of_the_definition(interval_ms: int, tmp_path: Path) -> None:
    days = 1 if interval_ms < MINUTE_MS else 2
    seen = Stream({}, interval_ms=interval_ms, shift_ms=1234).saw(EPOCH_MS, EPOCH_MS + days * DAY_MS)
    (meta,) = write(tmp_path, seen, "a", range_ms=days * DAY_MS)
    source = tmp_path / meta.ulid
    finer: dict[Labels, Windows] = {}
    compared = counters = 0
    for resolution_ms, ulid in ((FIVE_MINUTES_MS, ULID), (HOUR_MS, ULID[:-1] + "1")):
        job = Job(JobKind.DOWNSAMPLE, f"{resolution_ms}@1", (source.name,), resolution_ms)
        output = downsample_block(source, tmp_path / "output", ulid=ulid, job=job)
        assert output is not None
        assert output.compaction == meta.compaction
        found = read_windows(tmp_path / "output" / ulid)
        assert set(found) == {labels for labels, samples in seen.items() if has_windows(samples)}
        compared += sum(check_windows(seen[labels], windows, resolution_ms) for labels, windows in found.items())
        for labels in finer:
            if labels.get(b"__name__") in (b"latency", b"sizes"):
                flags = read_reset_flags(source)[labels]
                chunks = finer[labels]["counter"], flags, found[labels]["counter"]
                counters += check_coarser_counters(*chunks, resolution_ms)
        finer = found
        source = tmp_path / "output" / ulid
    assert compared > 500
    assert counters > 40
