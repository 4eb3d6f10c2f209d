"""Prometheus' own behaviour scripts, read from where the facts about it are."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.testing.promqltest.command_line import run_file

SCRIPTS = Path(__file__).resolve().parents[3] / "shared" / "promqltest"


def test_all_of_prometheus_behaviour_scripts_pass() -> None:
    if not SCRIPTS.is_dir():
        pytest.skip(f"Prometheus' behaviour scripts are not beside this checkout ({SCRIPTS.parent.name}/promqltest)")
    outcomes = [outcome for path in sorted(SCRIPTS.glob("*.test")) for outcome in run_file(path)]
    failed = [str(outcome) for outcome in outcomes if outcome.problem is not None]
    assert not failed, "\n".join([f"{len(outcomes) - len(failed)} passed, {len(failed)} failed", *failed[:20]])
    assert len(outcomes) > 1500
