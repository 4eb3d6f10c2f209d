"""Observers: what a pass tells one, it tells all."""

from __future__ import annotations

from compactor.observers import Observers
from promontory.compaction.observer import PassObserver


def test_nothing_that_a_pass_tells_is_kept_from_the_others() -> None:
    told = {name for name in vars(PassObserver) if name.startswith("on_")}
    assert told <= vars(Observers).keys()
