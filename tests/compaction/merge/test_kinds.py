"""Merges of native histograms, of deleted samples and of downsampled chunks."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from promontory.block.block_set import write_blocks
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.errors import BadBlockError
from promontory.kernels.crc32c import crc32c
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.still_clock import StillClock
from tests.block.plain_block import read_block
from tests.compaction.merge.made_blocks import OUTPUT, merge, name_ulid, read_chunks, write_block
from tests.compaction.merge.plain_merge import Chunk, merge_series
from tests.compaction.proof.history import Content, Sample, bits_of, to_samples
from tests.compaction.proof.reading import read_raw
from tests.golden.plain_chunks import read_plain

NAME = Labels(((b"__name__", b"m"),))


def write_mixed(root: Path, samples: Sequence[Sample], *, tag: int) -> Path:
    """Write one series of floats and histograms as one block."""
    content: Content = {NAME: list(samples)}
    (meta,) = write_blocks(
        root, [to_samples(content, SymbolTable())], clock=StillClock(1000 + tag), block_range_ms=10**9,
        external_labels=Labels.from_mapping({"cluster": "one"}), entropy=bytes([tag]).ljust, durable=False,
    )  # fmt: skip
    return root / meta.ulid


def counted(number: int) -> HistogramValue:
    number += 1  # buckets without a count are not kept
    return HistogramValue(
        schema=1, count=number * 3.0, sum=number * 7.0, zero_threshold=0.5, positive={1: float(number), 5: number * 2.0}
    )


def read_times(block: Path) -> list[Chunk]:
    """Return the chunks of the one series of a block as times and zeros."""
    (series,) = read_block(block)
    return [[(sample.time_ms, 0) for sample in read_plain(chunk.encoding, chunk.payload)] for chunk in series.chunks]


@pytest.mark.parametrize("deduplication", list(Deduplication))
def test_overlapping_histograms_are_merged_by_timestamp(tmp_path, deduplication):
    one = [(time_ms, counted(time_ms // 10)) for time_ms in range(0, 3000, 10)]
    other = [(time_ms, counted(time_ms // 10)) for time_ms in range(2000, 6000, 10)]
    inputs = [write_mixed(tmp_path, samples, tag=tag) for tag, samples in enumerate((one, other))]
    meta = merge(inputs, tmp_path, deduplication)
    (found,) = read_raw(tmp_path / OUTPUT).values()
    penalty = deduplication is Deduplication.PENALTY
    chunks = merge_series([read_times(path) for path in inputs], penalty=penalty)
    times = [time_ms for chunk in chunks for time_ms, _ in chunk]
    assert found == [(time_ms, counted(time_ms // 10)) for time_ms in times]
    assert penalty or len(times) == 600
    assert meta.stats.histogram_sample_count == len(times)
    assert meta.stats.float_sample_count == 0


def test_floats_between_histograms_are_not_lost(tmp_path):
    one = [(time_ms, counted(time_ms)) for time_ms in range(10, 3000, 10)]
    other = [(time_ms, time_ms << 8) for time_ms in range(5, 3000, 10)]
    inputs = [write_mixed(tmp_path, samples, tag=tag) for tag, samples in enumerate((one, other))]
    meta = merge(inputs, tmp_path)
    (found,) = read_raw(tmp_path / OUTPUT).values()
    assert found == sorted([*one, *other])
    assert (meta.stats.histogram_sample_count, meta.stats.float_sample_count) == (299, 300)


def test_a_reset_hint_is_not_believed_where_another_block_lies_between(tmp_path):
    one = [(time_ms, counted(time_ms)) for time_ms in range(0, 100, 20)]
    other = [(time_ms, counted(time_ms)) for time_ms in range(10, 100, 20)]
    inputs = [write_mixed(tmp_path, samples, tag=tag) for tag, samples in enumerate((one, other))]
    merge(inputs, tmp_path)
    (series,) = read_block(tmp_path / OUTPUT)
    (chunk,) = series.chunks
    assert [sample.time_ms for sample in read_plain(chunk.encoding, chunk.payload)] == list(range(0, 100, 10))


def write_tombstones(block: Path, intervals: Sequence[tuple[int, int, int]]) -> None:
    """Write deleted intervals (series ref, min, max)."""

    def uvarint(number: int) -> bytes:
        return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + uvarint(number >> 7)

    body = b"".join(uvarint(ref) + uvarint(low << 1) + uvarint(high << 1) for ref, low, high in intervals)
    checksum = int(crc32c(np.frombuffer(body, np.uint8), 0, len(body)))
    (block / "tombstones").write_bytes(struct.pack(">IB", 0x0130BA30, 1) + body + struct.pack(">I", checksum))


def find_refs(block: Path) -> list[int]:
    """Return the refs of the series of a block, walked in plain Python."""
    body = (block / "index").read_bytes()
    start, end = struct.unpack(">2Q", body[-44:-28])
    refs, place = [], start
    while (place := -(-place // 16) * 16) < end:
        refs.append(place // 16)
        size, shift = 0, 0
        while True:
            octet = body[place]
            size |= (octet & 127) << shift
            place, shift = place + 1, shift + 7
            if octet < 128:
                break
        place += size + 4
    return refs


@pytest.mark.parametrize("with_other", [False, True])
def test_deleted_samples_are_gone_and_so_are_the_tombstones(tmp_path, with_other):
    names = [Labels(((b"__name__", b"m"), (b"n", b"%d" % number))) for number in range(4)]
    chunks = [[(time_ms, time_ms) for time_ms in range(first, first + 100)] for first in range(0, 600, 100)]
    block = write_block(tmp_path, 0, dict.fromkeys(names, chunks), range_ms=(0, 10_000))
    refs = find_refs(block)
    write_tombstones(block, [(refs[0], 0, 9999), (refs[1], 150, 420), (refs[1], 550, 560), (refs[3], 0, 99)])
    inputs = [block]
    later = [[(time_ms, 1) for time_ms in range(400, 1400, 10)]]
    if with_other:
        inputs.append(write_block(tmp_path, 1, {names[1]: later}, range_ms=(0, 10_000)))
    merge(inputs, tmp_path)
    found = {
        name: [sample for chunk in held for sample in chunk] for name, held in read_chunks(tmp_path / OUTPUT).items()
    }
    times = {name: {time_ms for time_ms, _ in samples} for name, samples in found.items()}
    left = set(range(600)) - set(range(150, 421)) - set(range(550, 561))
    assert names[0] not in times
    assert times[names[1]] == left | ({time_ms for time_ms, _ in later[0]} if with_other else set())
    assert times[names[2]] == set(range(600))
    assert times[names[3]] == set(range(100, 600))
    assert (tmp_path / OUTPUT / "tombstones").stat().st_size == 9


def test_deleted_histograms_are_gone(tmp_path):
    samples = [(time_ms, counted(time_ms)) for time_ms in range(0, 500, 10)]
    block = write_mixed(tmp_path, samples, tag=1)
    write_tombstones(block, [(find_refs(block)[0], 95, 305)])
    merge([block], tmp_path)
    (found,) = read_raw(tmp_path / OUTPUT).values()
    assert found == [sample for sample in samples if not 95 <= sample[0] <= 305]


def write_downsampled(root: Path, start_ms: int, *, tag: int) -> Path:
    """Write twenty minutes of a counter at a resolution of five minutes."""
    samples = [(time_ms, bits_of(float(time_ms))) for time_ms in range(start_ms, start_ms + 1_200_000, 15_000)]
    raw = write_mixed(root, samples, tag=tag)
    job = Job(JobKind.DOWNSAMPLE, "g", (raw.name,), 300_000)
    meta = downsample_block(raw, root / "5m", ulid=name_ulid(tag), job=job, workers=1, stop=lambda: False)
    assert meta is not None
    return root / "5m" / meta.ulid


def test_downsampled_chunks_that_follow_one_another_are_copied(tmp_path):
    inputs = [write_downsampled(tmp_path, tag * 1_200_000, tag=tag) for tag in (1, 2)]
    meta = merge(inputs, tmp_path, resolution_ms=300_000)
    (found,) = read_block(tmp_path / OUTPUT)
    assert [chunk.payload for chunk in found.chunks] == [
        chunk.payload for path in inputs for chunk in read_block(path)[0].chunks
    ]
    assert meta.resolution_ms == 300_000
    assert meta.stats.sample_count == 8


def test_downsampled_chunks_that_overlap_are_refused_by_the_names_of_their_blocks(tmp_path):
    inputs = [write_downsampled(tmp_path, 1_200_000 + tag * 100_000, tag=tag) for tag in (1, 2)]
    with pytest.raises(BadBlockError) as refused:
        merge(inputs, tmp_path / "out", resolution_ms=300_000)
    assert refused.value.ulids == tuple(path.name for path in inputs)
    assert refused.value.reason == "downsample-vertical-compaction"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_downsampled_block_and_its_copy_become_one(tmp_path):
    block = write_downsampled(tmp_path, 1_200_000, tag=1)
    shutil.copytree(block, tmp_path / "copy" / block.name)
    merge([block, tmp_path / "copy" / block.name], tmp_path, resolution_ms=300_000)
    assert (tmp_path / OUTPUT / "chunks" / "000001").read_bytes() == (block / "chunks" / "000001").read_bytes()
