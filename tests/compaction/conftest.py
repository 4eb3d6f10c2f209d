"""The site of a pass, for each test its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compaction.pass_site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a bucket in memory and its compactor."""
    return Site(tmp_path)
