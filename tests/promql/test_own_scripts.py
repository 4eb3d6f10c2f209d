"""Our own behaviour scripts, one topic a file; what they expect comes from Prometheus' documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.testing.promqltest.command_line import run_file

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.test")), ids=lambda path: path.stem)
def test_the_script_passes(path: Path) -> None:
    outcomes = list(run_file(path))
    assert outcomes
    assert [str(outcome) for outcome in outcomes if outcome.problem is not None] == []
