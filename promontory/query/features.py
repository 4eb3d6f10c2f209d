"""Features: what `--enable-feature` adds to the language and to how queries are evaluated, by Prometheus' names.

A name without effect here is one that Prometheus or Thanos has come to do always, or not at all, or that changes no
answer (statistics a step are not taken); it is accepted so that manifests that carry it start. Any other name is
refused: a misspelt feature would change answers unseen.
Source: Prometheus' documentation, "Feature flags"; Thanos' cmd/thanos/query.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promontory.errors import InputError
from promontory.promql.parser import ALL_FEATURES, ParserOptions

DELAYED_NAMES = "promql-delayed-name-removal"
START_TIMESTAMPS = "use-start-timestamps"
TYPE_AND_UNIT = "type-and-unit-labels"
WITHOUT_EFFECT = frozenset(
    [
        "promql-duration-expr", "native-histograms", "promql-at-modifier", "promql-negative-offset", "query-pushdown",
        "promql-per-step-stats",
    ]
)  # fmt: skip
KNOWN = ALL_FEATURES | {DELAYED_NAMES, START_TIMESTAMPS, TYPE_AND_UNIT} | WITHOUT_EFFECT


@dataclass(frozen=True, slots=True)
class Features:
    """The enabled features.

    `delayed_names` drops metric names at the end of a query instead of at each function; `start_timestamps` lets
    rate and its kin use the start times of samples; `type_and_unit` lets them ask `__type__` what is a counter.
    """

    parser: ParserOptions = field(default_factory=ParserOptions)
    delayed_names: bool = False
    start_timestamps: bool = False
    type_and_unit: bool = False
    without_effect: tuple[str, ...] = ()


def read_features(texts: Sequence[str], *, flag: str = "--enable-feature") -> Features:
    """Return the features of a repeated flag, each text one name or several with commas. Raises InputError."""
    names = dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip())
    for name in names:
        if name not in KNOWN:
            raise InputError(f"flag {flag}: expected some of {', '.join(sorted(KNOWN))}, found {name!r}")
    return Features(
        parser=ParserOptions(features=ALL_FEATURES & names.keys()),
        delayed_names=DELAYED_NAMES in names,
        start_timestamps=START_TIMESTAMPS in names,
        type_and_unit=TYPE_AND_UNIT in names,
        without_effect=tuple(name for name in names if name in WITHOUT_EFFECT),
    )
