"""Ladders as people write them, and what they are told when it is wrong."""

from __future__ import annotations

import pytest

from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder, default_ladder
from promontory.compaction.ladder_text import parse_ladder
from promontory.errors import InputError
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.promql.parser import parse_matchers
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS

WHOLE = """
steps:
  - {resolution: raw, keep: 7d}
  - {resolution: 1m, keep: 30d}
  - {resolution: 1h, keep: 1y, after: 3d}
series:
  - {matchers: '{__name__=~"debug_.*"}', keep: 2d}
streams:
  - matchers: '{tenant="x"}'
    steps: [{resolution: raw, keep: 1d}]
  - matchers: '{tenant="y"}'
    series: []
"""
DEBUG = Matcher(MatchKind.REGEX, b"__name__", b"debug_.*")


def parse(text: str) -> Ladder:
    return parse_ladder(text, parse_matchers=parse_matchers)


def test_a_ladder_says_what_is_kept_for_whom() -> None:
    ladder = parse(WHOLE)
    steps = (
        Step(0, 7 * DAY_MS),
        Step(60_000, 30 * DAY_MS, 8 * HOUR_MS),
        Step(HOUR_MS, 365 * DAY_MS, 3 * DAY_MS),
    )
    series = (SeriesRule((DEBUG,), 2 * DAY_MS),)
    assert ladder.of(Labels()) == StreamLadder(steps, series)
    x = ladder.of(Labels.from_mapping({"tenant": "x"}))
    assert (x.steps, x.series) == ((Step(0, DAY_MS),), series)
    y = ladder.of(Labels.from_mapping({"tenant": "y"}))
    assert (y.steps, y.series) == (steps, ())


def test_a_list_alone_is_the_steps_and_thanos_ladder_is_the_default_one() -> None:
    assert parse("- resolution: raw\n- resolution: 5m\n- resolution: 1h") == default_ladder()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "ladder: expected a list or a mapping, found nothing"),
        ("a: [", "ladder: expected YAML, found at line 1"),
        ("- &a {resolution: raw}\n- *a", "ladder: expected YAML without aliases, found *a"),
        ("[]", "ladder (line 1): expected at least one step, found none"),
        ("raw", "ladder (line 1): expected a mapping, found 'raw'"),
        ("series: []", "ladder (line 1): expected the key steps, found none"),
        ("steps: 1", "ladder.steps (line 1): expected a list, found '1'"),
        ("- 5m", "ladder[0] (line 1): expected a mapping, found '5m'"),
        ("- {keep: 1d}", "ladder[0] (line 1): expected the key resolution, found none"),
        ("- {resolution: 5m}", "ladder[0].resolution (line 1): expected raw, as samples come, found 5m"),
        ("- {resolution: [raw]}", "ladder[0].resolution (line 1): expected a text, found a list"),
        ("- {resolution: raw, keep: 7}", "ladder[0].keep (line 1): expected a duration such as 30d, found '7'"),
        ("- {resolution: raw, kept: 7d}",
         "ladder[0].kept (line 1): expected one of resolution, keep, after, found an unknown key"),
        ("- {resolution: raw, keep: 7d, keep: 8d}", "ladder[0].keep (line 1): expected the key once, found it again"),
        ("- {resolution: raw, after: 7d}",
         "ladder[0].after (line 1): expected no key after for raw samples, found 7d"),
        ("- resolution: raw\n- resolution: raw",
         "ladder[1].resolution (line 2): expected at least 1s, coarser than the step before, found raw"),
        ("- resolution: raw\n- resolution: 2m\n- resolution: 5m",
         "ladder[2].resolution (line 3): expected a multiple of 2m, coarser than the step before, found 5m"),
        ("- {resolution: raw, keep: 7d}\n- {resolution: 5m, keep: 6d}",
         "ladder[1].keep (line 2): expected at least 1w, as the finer step is kept, found 6d"),
        ("- {resolution: raw}\n- {resolution: 5m, keep: 6d}",
         "ladder[1].keep (line 2): expected at least for ever, as the finer step is kept, found 6d"),
        ("- {resolution: raw}\n- {resolution: 5m, after: 15d}",
         "ladder[1].after (line 2): expected at most 2w, the longest that blocks become, found 15d"),
        ("steps: [{resolution: raw}]\nseries: [{keep: 1d}]",
         "ladder.series[0] (line 2): expected the key matchers, found none"),
        ("steps: [{resolution: raw}]\nseries: [{matchers: '{a=\"b\"}', keep: 0d}]",
         "ladder.series[0].keep (line 2): expected a duration above 0, found 0d"),
        ("steps: [{resolution: raw}]\nseries: [{matchers: '{a=~\".*\"}', keep: 1d}]",
         "ladder.series[0].matchers (line 2): expected a matcher that an absent label does not fulfil"),
        ("steps: [{resolution: raw}]\nseries: [{matchers: '{a=~\"(\"}', keep: 1d}]",
         "ladder.series[0].matchers (line 2): expected matchers such as"),
        ("steps: [{resolution: raw}]\nstreams: [{steps: []}]",
         "ladder.streams[0] (line 2): expected the key matchers, found none"),
    ],
)  # fmt: skip
def test_an_error_names_line_and_key(text: str, expected: str) -> None:
    with pytest.raises(InputError) as found:
        parse(text)
    assert str(found.value).startswith(expected)
