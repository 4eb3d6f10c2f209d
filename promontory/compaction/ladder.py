"""Ladder: the resolutions that a stream is kept at, how long each, and which series live shorter than their blocks.

    raw  7d  ->  1m  30d  ->  1h  1y        steps, from fine to coarse; each is made from the one before it
    {__name__=~"debug_.*"}  2d              series that leave every block which ended longer ago

A stream is the series of one set of external labels; the first entry whose matchers select those labels is its ladder.
Thanos' ladder is raw, 5 minutes made of blocks of 40 h and more, and 1 hour made of blocks of 10 days and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promontory.model.durations import DAY_MS, HOUR_MS
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher

FIVE_MINUTES_MS = 300_000
FIVE_MINUTES_AFTER_MS = 40 * HOUR_MS
HOUR_AFTER_MS = 10 * DAY_MS


@dataclass(frozen=True, slots=True)
class Step:
    """A resolution (0 is raw), how long it is kept, and the length of the blocks that it is made of, at least.

    `keep_ms` 0 is for ever. Ages are of a block's end; Thanos lets go of one that ended more than `keep_ms` ago.
    """

    resolution_ms: int
    keep_ms: int = 0
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class SeriesRule:
    """The series that all matchers select are dropped from blocks that ended longer than `keep_ms` ago."""

    matchers: tuple[Matcher, ...]
    keep_ms: int


@dataclass(frozen=True, slots=True)
class StreamLadder:
    """`steps` are sorted by resolution, raw first; `matchers` are of external labels, none select every stream."""

    steps: tuple[Step, ...]
    series: tuple[SeriesRule, ...] = ()
    matchers: tuple[Matcher, ...] = ()

    def place_of(self, resolution_ms: int) -> int | None:
        """Return the index of the step of a resolution, None where the ladder does not have it."""
        return next((place for place, step in enumerate(self.steps) if step.resolution_ms == resolution_ms), None)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The ladders of streams; of those that select one, the first counts. The last selects every stream."""

    streams: tuple[StreamLadder, ...]

    def of(self, labels: Labels) -> StreamLadder:
        """Return the ladder of the stream that has these external labels."""
        return next(ladder for ladder in self.streams if selects(ladder.matchers, labels))


def default_ladder(*, raw_keep_ms: int = 0, five_minutes_keep_ms: int = 0, hour_keep_ms: int = 0) -> Ladder:
    """Return Thanos' ladder with the three retentions of its flags; 0 keeps for ever."""
    steps = (
        Step(0, raw_keep_ms),
        Step(FIVE_MINUTES_MS, five_minutes_keep_ms, FIVE_MINUTES_AFTER_MS),
        Step(HOUR_MS, hour_keep_ms, HOUR_AFTER_MS),
    )
    return Ladder((StreamLadder(steps),))


def selects(matchers: Sequence[Matcher], labels: Labels) -> bool:
    """Say whether labels fulfil all matchers."""
    return all(matcher.matches(labels.get(matcher.name)) for matcher in matchers)


def is_past(max_time_ms: int, keep_ms: int, *, now_ms: int) -> bool:
    """Say whether what ended then is kept no longer: as Thanos, ends count in whole seconds, and strictly."""
    return keep_ms > 0 and now_ms > max_time_ms // 1000 * 1000 + keep_ms


def retired_series(ladder: StreamLadder, max_time_ms: int, *, now_ms: int) -> tuple[tuple[Matcher, ...], ...]:
    """Return the selectors of the series that a block which ends then is to hold no longer."""
    return tuple(rule.matchers for rule in ladder.series if is_past(max_time_ms, rule.keep_ms, now_ms=now_ms))
