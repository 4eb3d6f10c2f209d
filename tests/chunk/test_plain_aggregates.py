"""Downsampled blocks of Thanos read in plain Python, part by part, beside what Thanos' own iterators read from them."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.block.plain_block import read_block
from tests.golden.plain_chunks import read_plain, split_plain

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PARTS = ("count", "sum", "min", "max")


def test_plain_python_reads_the_aggregates_that_thanos_reads(tmp_path: Path) -> None:
    with tarfile.open(GOLDEN / "downsampled.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    expected: dict[str, Any] = json.loads(gzip.decompress((GOLDEN / "downsampled.json.gz").read_bytes()))
    compared = 0
    for key, by_labels in expected.items():
        for series in read_block(tmp_path / key.split()[1]):
            theirs = by_labels[str(series.labels)]
            assert {chunk.encoding for chunk in series.chunks} == {0xFF}
            chunks = [split_plain(chunk.payload) for chunk in series.chunks]
            for place, name in enumerate(PARTS):
                samples = [sample for parts in chunks if (part := parts[place]) for sample in read_plain(*part)]
                wanted = theirs.get(name, [])
                assert [sample.time_ms for sample in samples] == [one["t"] for one in wanted]
                for sample, one in zip(samples, wanted, strict=True):
                    assert (sample.histogram is None) == ("v" in one)
                    assert sample.bits is None or f"{sample.bits:x}" == one["v"]
                    compared += 1
    assert compared > 1000
