"""External labels: what a block's or a Prometheus' every series carries besides its own labels.

One rule: they win. A matcher on an external label is decided here, and does not reach the series' own labels.
"""

from __future__ import annotations

from collections.abc import Sequence

from promontory.model.labels import Labels
from promontory.model.matcher import Matcher


def strip_matchers(external: Labels, matchers: Sequence[Matcher]) -> tuple[Matcher, ...] | None:
    """Return the matchers on other labels, None where an external label does not fulfil its own."""
    values = dict(external.pairs)
    if not all(matcher.matches(values[matcher.name]) for matcher in matchers if matcher.name in values):
        return None
    return tuple(matcher for matcher in matchers if matcher.name not in values)
