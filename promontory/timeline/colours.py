"""Colours of blocks: the hue says the resolution, the darkness the level of compaction.

The first hues differ for people who do not see red and green apart as well.
"""

from __future__ import annotations

from collections.abc import Sequence

_HUES = (210, 35, 285, 165, 0, 60, 320, 120)
_LIGHTNESS = (80, 68, 56, 44, 34, 26)


def colour_of(resolution_ms: int, level: int, resolutions_ms: Sequence[int]) -> str:
    """Return the CSS colour of a block among those of `resolutions_ms`, sorted; raw, 5m and 1h look always alike."""
    known = (0, 300_000, 3_600_000)
    others = [found for found in resolutions_ms if found not in known]
    number = known.index(resolution_ms) if resolution_ms in known else len(known) + others.index(resolution_ms)
    lightness = _LIGHTNESS[min(max(level, 1), len(_LIGHTNESS)) - 1]
    return f"hsl({_HUES[number % len(_HUES)]},62%,{lightness}%)"
