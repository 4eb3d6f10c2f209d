"""Selectors of the metrics in the data, with matchers, ranges, offsets and @.

Offsets and @ are multiples of 5 s, ranges of selectors whole seconds.
"""

from __future__ import annotations

import random

from tests.differential.data import METRICS, START_S, Metric
from tests.differential.expression import Expression, Kind, option, vector

FIRST_S = START_S + 2 * 3600
LAST_S = START_S + 3 * 3600 + 2700
LOOKBACK_S = 300


def make_selector(rng: random.Random, metric: Metric | None = None) -> Expression:
    """Return a vector selector; seldom one of two metrics."""
    metric = metric or rng.choice(METRICS)
    when, labels, key = make_when(rng), frozenset(metric.labels), metric.key
    name: tuple[str | Expression, ...] = (metric.name, _make_matchers(rng, metric))
    is_single = rng.random() < 0.97
    if not is_single:
        other = rng.choice(("load", "limit", "owner"))
        name, key = (f'{{__name__=~"{metric.name}|{other}"}}',), metric.key | {"__name__"}
    elif rng.random() < 0.02:
        name = (f'{{__name__="{metric.name}"}}',)
    return vector(
        *name, when, labels=labels, key=key, has_name=True, is_whole=metric.is_whole, is_counter=metric.is_counter,
        reach_s=LOOKBACK_S + when.reach_s,
    )  # fmt: skip


def make_range(rng: random.Random, *, is_whole: bool) -> Expression:
    """Return a range selector; of a metric without gaps or a counter far from zero where `is_whole`."""
    metric = rng.choice([one for one in METRICS if one.is_whole or one.is_counter or not is_whole])
    when, span_s = make_when(rng), rng.choice([61, 120, 300, 300, 600, 1237, 1800])
    return Expression(
        Kind.MATRIX, (metric.name, _make_matchers(rng, metric), f"[{duration(span_s)}]", when),
        labels=frozenset(metric.labels), key=metric.key, has_name=True, is_whole=metric.is_whole,
        is_counter=metric.is_counter, reach_s=span_s + when.reach_s,
    )  # fmt: skip


def make_missing(rng: random.Random) -> Expression:
    """Return a selector of nothing."""
    return vector(rng.choice((
        'nothing{job="x"}', 'load{job="x",instance=~"1"}', 'load{a="b",a="c"}', "nothing", 'load{job="x",a!="b"}',
        '{__name__="nothing",a="b"}', 'nothing{a="1",b=~"2",c="3"}',
    )), reach_s=LOOKBACK_S)  # fmt: skip


def make_when(rng: random.Random) -> Expression:
    """Return an offset, an @, both, or (mostly) nothing."""
    roll = rng.random()
    if roll < 0.8:
        return option("")
    offset_s = rng.choice([-600, -65, 5, 60, 300, 900])
    sign = "-" if offset_s < 0 else ""
    offset = f" offset {sign}{rng.choice([f'{abs(offset_s)}s', duration(abs(offset_s))])}"
    use = "offset -" if offset_s < 0 else "offset"
    time_s = rng.randrange(FIRST_S, LAST_S, 5)
    at, at_use = rng.choice([(str(time_s), "@"), (f"{time_s}.000", "@"), ("start()", "@ start"), ("end()", "@ end")])
    if roll < 0.88:
        return option(offset, use, reach_s=max(offset_s, 0))
    if roll < 0.95:
        return option(f" @ {at}", at_use)
    both = [offset, f" @ {at}"]
    rng.shuffle(both)
    return option("".join(both), use, at_use, reach_s=max(offset_s, 0))


def duration(seconds: int) -> str:
    """Return a duration in hours, minutes and seconds."""
    parts = (seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s")
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _make_matchers(rng: random.Random, metric: Metric) -> Expression:
    if rng.random() < 0.6:
        return option("")
    made = [_make_matcher(rng, metric) for _ in range(rng.choice([1, 1, 2]))]
    return option("{" + ",".join(text for _, text in made) + "}", *(kind for kind, _ in made))


def _make_matcher(rng: random.Random, metric: Metric) -> tuple[str, str]:
    """Return the kind and the text of a matcher that some series pass."""
    kind = rng.choice(["=", "!=", "=~", "!~"])
    if rng.random() < 0.1:
        return kind, "missing" + {"=": '=""', "!=": '!="x"', "=~": '=~".*"', "!~": '!~".+"'}[kind]
    label = rng.choice(sorted(metric.labels))
    values = [value for value in metric.labels[label] if "+" not in value]
    value, other = rng.choice(values), rng.choice(values)
    pattern = rng.choice([f"{value}|{other}", f"{value[:1]}.*", ".+", "[^q]*", f"(?i:{value.upper()})"])
    return kind, f'{label}{kind}"{pattern if kind == "=~" else value}"'
