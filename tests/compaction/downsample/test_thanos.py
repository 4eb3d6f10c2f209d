"""What Thanos itself made of known blocks: ours has the same chunks, and the same samples in them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta
from promontory.block_check.files import open_directory
from promontory.block_check.verify import verify
from tests.compaction.downsample.blocks import (
    FIVE_MINUTES_MS,
    HOUR_MS,
    ULIDS,
    ReadChunk,
    downsample,
    meta_of,
    read_downsampled,
)

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
XOR = 1


def unpack(name: str, folder: Path) -> dict[int, Path]:
    """Return the blocks of an archive by their resolution."""
    with tarfile.open(GOLDEN / name) as archive:
        archive.extractall(folder, filter="data")
    return {meta_of(path.parent).resolution_ms: path.parent for path in folder.glob("*/meta.json")}


def plain_chunks(found: dict[str, list[ReadChunk]]) -> dict[str, list[tuple[int, int, dict[str, object]]]]:
    return {
        name: [(chunk.min_ms, chunk.max_ms, dict(chunk.parts)) for chunk in chunks] for name, chunks in found.items()
    }


@pytest.mark.parametrize(
    ("archive", "from_ms", "to_ms"),
    [
        ("raw_downsampled.tar.gz", 0, FIVE_MINUTES_MS),
        ("raw_downsampled.tar.gz", FIVE_MINUTES_MS, HOUR_MS),
        ("downsampled.tar.gz", FIVE_MINUTES_MS, HOUR_MS),
    ],
)
def test_blocks_downsampled_by_thanos_come_out_the_same(
    tmp_path: Path, archive: str, from_ms: int, to_ms: int
) -> None:  # fmt: skip
    blocks = unpack(archive, tmp_path)
    ours, theirs = downsample(blocks[from_ms], to_ms), read_downsampled(blocks[to_ms])
    assert plain_chunks(ours) == plain_chunks(theirs)
    assert sum(len(chunks) for chunks in theirs.values()) >= 6
    compared = same = 0
    for name, chunks in theirs.items():
        for our, their in zip(ours[name], chunks, strict=True):
            for aggregate, (encoding, payload) in their.payloads.items():
                assert our.payloads[aggregate][0] == encoding
                if encoding == XOR:
                    # The appender of Prometheus 2.42, which is ours, leaves an unread zero byte here and there.
                    compared += 1
                    same += our.payloads[aggregate][1] == payload
                    assert our.payloads[aggregate][1] in (payload, payload + b"\0")
    assert same > compared // 2
    check_meta(meta_of(tmp_path / ULIDS[-1]), meta_of(blocks[to_ms]))
    with open_directory(tmp_path / ULIDS[-1]) as files:
        assert not verify(files, limit=9, workers=1).faults.counts


def test_the_counts_that_thanos_copies_from_a_raw_block_are_no_fault(tmp_path: Path) -> None:
    block = unpack("raw_downsampled.tar.gz", tmp_path)[FIVE_MINUTES_MS]
    assert meta_of(block).stats.float_sample_count > meta_of(block).stats.sample_count
    with open_directory(block) as files:
        # Thanos writes the list of files when it uploads, and this block was never uploaded.
        assert set(verify(files, limit=9, workers=1).faults.counts) <= {"file_size"}


def check_meta(ours: BlockMeta, theirs: BlockMeta) -> None:
    assert (ours.min_time_ms, ours.max_time_ms, ours.compaction) == (
        theirs.min_time_ms, theirs.max_time_ms, theirs.compaction
    )  # fmt: skip
    assert (ours.stats.sample_count, ours.stats.series_count, ours.stats.chunk_count) == (
        theirs.stats.sample_count, theirs.stats.series_count, theirs.stats.chunk_count
    )  # fmt: skip
    assert ours.thanos is not None
    assert theirs.thanos is not None
    assert (ours.labels, ours.resolution_ms, ours.thanos.source) == (
        theirs.labels, theirs.resolution_ms, theirs.thanos.source
    )  # fmt: skip
