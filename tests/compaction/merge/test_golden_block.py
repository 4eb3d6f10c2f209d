"""A vertical merge equals, byte for byte, that of a real Prometheus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compaction.merge.golden_block import FILES, read_golden, write_inputs
from tests.compaction.merge.made_blocks import OUTPUT, merge


@pytest.mark.parametrize("name", FILES)
def test_a_merged_block_is_what_prometheus_made_of_the_same_blocks(tmp_path: Path, name: str) -> None:
    merge(write_inputs(tmp_path), tmp_path)
    assert (tmp_path / OUTPUT / name).read_bytes() == read_golden()[name]
