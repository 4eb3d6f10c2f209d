from pathlib import Path

import pytest

from tests.program.bucket_tool.buckets import write_bucket


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give the directory of a bucket that a test may change."""
    return write_bucket(tmp_path)
