"""The guard against a wrong clock: what goes by the clock alone, goes only in small numbers.

    newest sample of the bucket + 1 day  <  now        the bucket does not confirm the clock

The samples of a bucket are dated by other machines, so their newest is a second clock that is never ahead of the true
time by much, and behind it only while nobody writes. What is due by both clocks is due. What is due by ours alone is
refused as a whole, where it is more than a share of all blocks: so a clock ten years ahead marks nothing, while a
bucket that nobody writes to still empties block by block. Blocks that were marked by the clock alone and are not gone
yet count too, else a wrong clock would take a share with each pass.

No time of our own making is asked: ULIDs, upload times and marks would carry a wrong clock into the evidence.
"""

from __future__ import annotations

from collections.abc import Collection

from promontory.block.ulid import ulid_time_ms
from promontory.compaction.planning.state import BucketState
from promontory.compaction.settings import CompactionSettings
from promontory.model.durations import DAY_MS, format_duration

# Blocks are cut and uploaded up to some hours after their samples.
LAG_MS = DAY_MS


def confirmed_ms(state: BucketState, *, now_ms: int) -> int:
    """Return the time that our clock and the newest sample agree on: now, or earlier where no sample confirms it."""
    ends_ms = [meta.max_time_ms for meta in state.blocks.values()]
    if state.newest_sample_ms is not None:
        ends_ms.append(state.newest_sample_ms)
    return min(now_ms, max(ends_ms) + LAG_MS) if ends_ms else now_ms


def trusted_ms(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> int:
    """Return the time by which series are dropped and covers asked for: the confirmed one, unless nothing is guarded.

    What is dropped while writing a block is gone at once, with no delay in which a wrong clock could be noticed.
    """
    return now_ms if settings.deletion_share >= 1 else confirmed_ms(state, now_ms=now_ms)


def refuse_many(
    alone: Collection[str], state: BucketState, settings: CompactionSettings, *, what: str, now_ms: int
) -> str:
    """Return why blocks that would go by the clock alone may not; empty where they may."""
    total = len(state.blocks)
    if len(alone) <= settings.deletion_share * total:
        return ""
    behind = format_duration((now_ms - confirmed_ms(state, now_ms=now_ms)) // 1000 * 1000)
    return (
        f"{what}: {len(alone)} of {total} blocks are due by this machine's clock alone, which is {behind} ahead of the "
        f"newest sample and a day; expected at most a share of {settings.deletion_share:g}: if the clock is right, "
        "raise --delete.max-share for one pass"
    )


def clock_behind(state: BucketState, *, now_ms: int) -> str:
    """Return why the clock cannot be right, where it is: most blocks were made more than a day after it; else empty."""
    later = sum(ulid_time_ms(ulid) > now_ms + DAY_MS for ulid in state.blocks)
    if 2 * later <= len(state.blocks):
        return ""
    return f"{later} of {len(state.blocks)} blocks were made more than a day after this machine's time: is it behind?"
