"""What a dry run says of the blocks that it does not plan for."""

from __future__ import annotations

from compactor.dry_run import describe_left_out
from promontory.catalog.view import CatalogView


def test_blocks_that_are_not_planned_for_are_counted_by_reason() -> None:
    view = CatalogView(excluded={"A": "younger than 30m", "B": "younger than 30m"}, partial={"C": "no meta.json"})
    told = describe_left_out(view)
    assert told == "Left out: 1 (upload not complete, or going).\nLeft out: 2 (younger than 30m).\n"


def test_nothing_is_said_where_all_blocks_are_planned_for() -> None:
    assert describe_left_out(CatalogView()) == ""
