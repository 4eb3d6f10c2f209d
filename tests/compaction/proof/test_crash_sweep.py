"""A compactor killed anywhere, again and again, ends where an undisturbed one ends, and readers never notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compaction.proof.scenarios import SCENARIOS
from tests.compaction.proof.sweep import Sweep

LEAST_POINTS = {"horizontal": 100, "vertical": 150, "downsampling": 60, "retention": 60, "deletion": 80}


@pytest.mark.e2e
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_pass_killed_at_each_point_ends_as_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    swept = Sweep(SCENARIOS[name](tmp_path / "made"), tmp_path).run()
    assert sum(swept.points.values()) >= LEAST_POINTS[name]
    assert any(kind.startswith("before fsync") for kind in swept.points)
    assert swept.states > 25
