"""Ranges and grids of time."""

from __future__ import annotations

import pytest

from promontory.model.time_range import ALL_TIME, TimeGrid, TimeRange


@pytest.mark.parametrize(("start", "end", "shares"), [(0, 9, False), (0, 10, True), (20, 30, True), (21, 30, False)])
def test_ranges_share_a_millisecond_at_their_inclusive_ends(start: int, end: int, shares: bool) -> None:
    assert TimeRange(10, 20).overlaps(TimeRange(start, end)) is shares
    assert TimeRange(start, end).overlaps(TimeRange(10, 20)) is shares
    assert ALL_TIME.overlaps(TimeRange(start, end))


def test_a_grid_ends_at_the_last_step_not_after_its_end() -> None:
    assert TimeGrid(10, 35, 10).times_ms().tolist() == [10, 20, 30]
    assert TimeGrid(10, 30, 10).count == 3
    assert TimeGrid(10, 10, 0).times_ms().tolist() == [10]
