"""A pass that does nothing says why."""

from __future__ import annotations

from promontory.compaction.settings import CompactionSettings
from tests.compaction.pass_site import Ears, Site
from tests.compaction.proof.history import HOUR_MS


class Listening(Ears):
    """Hears why a pass did nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: list[str] = []

    def on_idle(self, why: str) -> None:
        self.idle.append(why)


async def run(site: Site) -> list[str]:
    site.ears = ears = Listening()
    await site.compactor(CompactionSettings(downsampling=False)).run_pass()
    return ears.idle


async def test_a_pass_that_does_something_says_nothing_and_the_next_one_counts_the_blocks(site: Site) -> None:
    metas = await site.put()
    assert await run(site) == []
    (why,) = await run(site)
    marked = len(await site.marks())
    assert why.startswith("nothing to merge")
    assert f"{marked} marked for deletion" in why
    assert f"{len(metas) + 1 - marked} counted" in why


async def test_blocks_that_are_too_fresh_are_told_and_that_the_clock_may_be_behind(site: Site) -> None:
    metas = await site.put()
    site.clock.time_ms -= 9 * HOUR_MS
    (why,) = await run(site)
    assert f"{len(metas)} younger than 30m" in why
    assert f"{len(metas)} made after this machine's time" in why


async def test_an_empty_bucket_is_told(site: Site) -> None:
    assert await run(site) == ["nothing to merge, rewrite or downsample; blocks: none"]
