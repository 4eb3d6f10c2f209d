from pathlib import Path

import pytest

from tests.program.block_tool.small_block import BrokenBlock, write_small_block


@pytest.fixture
def block(tmp_path: Path) -> BrokenBlock:
    """Give a whole block that a test may break."""
    return BrokenBlock(write_small_block(tmp_path))
