"""A ladder as text: the YAML of --downsample.ladder.

    steps:                                          the ladder of streams that no entry of `streams` selects
      - {resolution: raw, keep: 7d}
      - {resolution: 1m,  keep: 30d}                made of raw blocks of 8 h and longer, where `after` says nothing
      - {resolution: 1h,  keep: 1y, after: 10d}     no `keep`: for ever
    series:                                         what leaves every block that ended longer ago
      - {matchers: '{__name__=~"debug_.*"}', keep: 2d}
    streams:                                        by external labels, the first that selects counts
      - matchers: '{tenant="x"}'                    `steps` and `series` as above where it has none
        steps: [{resolution: raw, keep: 1d}]

A list alone is `steps`. Reading is strict: an error names line and key, what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Callable

from promontory.block.meta import FINEST_WINDOW_MS
from promontory.compaction.ladder import HOUR_AFTER_MS, Ladder, SeriesRule, Step, StreamLadder
from promontory.errors import InputError
from promontory.model.durations import DAY_MS, format_duration
from promontory.model.matcher import Matcher
from promontory.model.yaml_place import YamlPlace, parse_yaml

ParseMatchers = Callable[[str], tuple[Matcher, ...]]

RAW = "raw"
LONGEST_BLOCK_MS = 14 * DAY_MS
# A step is worth a block when it gives this many windows, as Thanos' 40 hours give of raw samples, and its 10 days of
# what was downsampled before. Blocks are not waited for longer than Thanos waits.
WINDOWS_OF_RAW = 480
WINDOWS_OF_DOWNSAMPLED = 240


def parse_ladder(text: str, *, parse_matchers: ParseMatchers) -> Ladder:
    """Return the ladder that a text describes. Raises InputError."""
    top = parse_yaml(text, what="ladder")
    if top.is_list():
        return Ladder((StreamLadder(_parse_steps(top)),))
    keys = top.keys("steps", "series", "streams")
    if "steps" not in keys:
        raise top.wrong("the key steps", "none")
    steps = _parse_steps(keys["steps"])
    series = _parse_series(keys.get("series"), parse_matchers)
    streams = []
    for place in keys["streams"].items() if "streams" in keys else ():
        own = place.keys("matchers", "steps", "series")
        if "matchers" not in own:
            raise place.wrong("the key matchers", "none")
        own_steps = _parse_steps(own["steps"]) if "steps" in own else steps
        own_series = _parse_series(own["series"], parse_matchers) if "series" in own else series
        streams.append(StreamLadder(own_steps, own_series, _parse_matchers(own["matchers"], parse_matchers)))
    return Ladder((*streams, StreamLadder(steps, series)))


def default_after_ms(resolution_ms: int, *, finer_ms: int) -> int:
    """Return the least length of the blocks that a step is made of, where nobody says."""
    windows = WINDOWS_OF_DOWNSAMPLED if finer_ms else WINDOWS_OF_RAW
    return min(windows * resolution_ms, HOUR_AFTER_MS)


def _parse_steps(place: YamlPlace) -> tuple[Step, ...]:
    steps: list[Step] = []
    for item in place.items():
        keys = item.keys("resolution", "keep", "after")
        if "resolution" not in keys:
            raise item.wrong("the key resolution", "none")
        steps.append(_parse_step(keys, steps[-1] if steps else None))
    if not steps:
        raise place.wrong("at least one step", "none")
    return tuple(steps)


def _parse_step(keys: dict[str, YamlPlace], finer: Step | None) -> Step:
    resolution = keys["resolution"]
    resolution_ms = 0 if resolution.text() == RAW else resolution.duration_ms()
    keep_ms = keys["keep"].duration_ms() if "keep" in keys else 0
    if finer is None:
        if resolution_ms:
            raise resolution.wrong("raw, as samples come", resolution.text())
        if "after" in keys:
            raise keys["after"].wrong("no key after for raw samples", keys["after"].text())
        return Step(0, keep_ms)
    least_ms = max(finer.resolution_ms + 1, FINEST_WINDOW_MS)
    if resolution_ms < least_ms or (finer.resolution_ms and resolution_ms % finer.resolution_ms):
        expected = f"a multiple of {format_duration(finer.resolution_ms)}" if finer.resolution_ms else "at least 1s"
        raise resolution.wrong(f"{expected}, coarser than the step before", resolution.text())
    if keep_ms and (not finer.keep_ms or keep_ms < finer.keep_ms):
        least = format_duration(finer.keep_ms) if finer.keep_ms else "for ever"
        raise keys["keep"].wrong(f"at least {least}, as the finer step is kept", keys["keep"].text())
    after_ms = default_after_ms(resolution_ms, finer_ms=finer.resolution_ms)
    if "after" in keys:
        after_ms = keys["after"].duration_ms()
        if after_ms > LONGEST_BLOCK_MS:
            raise keys["after"].wrong("at most 2w, the longest that blocks become", keys["after"].text())
    return Step(resolution_ms, keep_ms, after_ms)


def _parse_series(place: YamlPlace | None, parse_matchers: ParseMatchers) -> tuple[SeriesRule, ...]:
    rules = []
    for item in place.items() if place is not None else ():
        keys = item.keys("matchers", "keep")
        for key in ("matchers", "keep"):
            if key not in keys:
                raise item.wrong(f"the key {key}", "none")
        keep_ms = keys["keep"].duration_ms()
        if not keep_ms:
            raise keys["keep"].wrong("a duration above 0", keys["keep"].text())
        rules.append(SeriesRule(_parse_matchers(keys["matchers"], parse_matchers), keep_ms))
    return tuple(rules)


def _parse_matchers(place: YamlPlace, parse_matchers: ParseMatchers) -> tuple[Matcher, ...]:
    try:
        matchers = parse_matchers(place.text())
        is_bounded = any(not matcher.matches_empty for matcher in matchers)
    except InputError as error:
        raise place.wrong('matchers such as {job="x"}', f"{place.text()!r}: {error}") from error
    if not is_bounded:
        raise place.wrong("a matcher that an absent label does not fulfil", repr(place.text()))
    return matchers
