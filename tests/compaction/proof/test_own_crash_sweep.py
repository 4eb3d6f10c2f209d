"""Rewriting, a ladder of one's own, parts of a stream and clearing up, killed at each of their writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compaction.proof.own_scenarios import OWN_SCENARIOS
from tests.compaction.proof.sweep import Sweep

# What has to be among the points, and how many states there are at least.
WANTED = {
    "rewrite": ("after upload chunks/000001", 20),
    "ladder": ("before put deletion-mark.json", 20),
    "parts": ("after put meta.json", 20),
    "partials": ("before delete chunks/000001", 20),
}
INDEX = "before put promontory/bucket-index.json.gz"


# Dying at a read, or before a write, leaves what dying after the write before it leaves, but for files half written.
LONG = ("rewrite", "parts")


def is_after_write(name: str) -> bool:
    return name.startswith("after ")


def is_write(name: str) -> bool:
    return name.startswith(("before ", "after ")) and "fsync" not in name


@pytest.mark.e2e
@pytest.mark.parametrize("name", OWN_SCENARIOS)
def test_a_pass_killed_at_each_write_ends_as_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    swept = Sweep(OWN_SCENARIOS[name](tmp_path / "made"), tmp_path).run(is_after_write if name in LONG else is_write)
    point, least = WANTED[name]
    assert swept.points[point]
    assert swept.points[INDEX]
    assert swept.states >= least
