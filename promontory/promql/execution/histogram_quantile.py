"""histogram_quantile over classic histograms: series with a bucket's upper bound in `le`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.quantiles import histogram_quantiles
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.names import drop_names
from promontory.promql.execution.ranks import group_starts
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats, make_steps, merge_equal, take_steps
from promontory.promql.execution.wording import format_general, quote, warn_quantiles
from promontory.promql.numbers import parse_float
from promontory.promql.plan.nodes import HistogramQuantile

BUCKET = b"le"
_FORCED = (
    "input to histogram_quantile needed to be fixed for monotonicity (see"
    " https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


def quantile_of_histograms(run: Run, grid: TimeGrid, node: HistogramQuantile, quantile: Floats, steps: Steps) -> Steps:
    """Return the quantile of each histogram, one row for all labels but `le`; quantile: float64[k]."""
    if len(steps):
        warn_quantiles(run, quantile, node.quantile_position)
    bounds, known = _bounds(run, node, steps)
    if not known.all():
        steps, bounds = take_steps(steps, np.flatnonzero(known)), bounds[known]
    bare = steps.labels.without((BUCKET,))
    group, first = bare.unique()
    rows = np.lexsort((bounds, group)).astype(np.int64)
    values = np.empty((len(first), grid.count))
    present = np.zeros(values.shape, np.bool_)
    forced = np.zeros((grid.count, 4))
    histogram_quantiles(
        steps.values, steps.present, bounds, rows, group_starts(group, len(first)), quantile,
        run.stop, np.empty(len(steps)), np.empty(len(steps)), values, present, forced,
    )  # fmt: skip
    _inform_forced(run, grid, node, forced)
    result = make_steps(bare.take(first), values, present)
    return merge_equal(drop_names(replace(result, drop_name=steps.drop_name[first]), run))


def _bounds(run: Run, node: HistogramQuantile, steps: Steps) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (upper bound float64[n], known bool[n]); series without a number in `le` are named in a warning."""
    codes, inverse = np.unique(steps.labels.column(BUCKET), return_inverse=True)
    bounds = np.zeros(len(codes))
    known = np.zeros(len(codes), np.bool_)
    for place, code in enumerate(codes):
        text = run.symbols.text(int(code))
        try:
            bounds[place] = parse_float(text)
            known[place] = True
        except ValueError:
            if steps.present[inverse == place].any():
                name = _metric_name(run, steps, inverse == place)
                run.warn(f'bucket label "le" is missing or has a malformed value of {quote(text)}{name}', node.position)
    return bounds[inverse], known[inverse]


def _metric_name(run: Run, steps: Steps, rows: NDArray[np.bool_]) -> str:
    """Return the words that name the metric; only with delayed names is it still known here in Prometheus."""
    if not run.delayed_names:
        return ""
    code = int(steps.labels.column(b"__name__")[np.flatnonzero(rows)[0]])
    return f" for metric name {quote(run.symbols.text(code))}" if code else ""


def _inform_forced(run: Run, grid: TimeGrid, node: HistogramQuantile, forced: Floats) -> None:
    times = np.flatnonzero(forced[:, 0])
    if not len(times):
        return
    # Whole seconds, cut; not by way of datetime, which ends at the year 9999.
    when = [format_rfc3339_ms(int(grid.times_ms()[place]))[:-5] + "Z" for place in (times[0], times[-1])]
    lowest, highest = forced[times, 1].min(), forced[times, 2].max()
    span = " to ".join(when)
    run.inform(
        f"{_FORCED}, from buckets {format_general(float(lowest))} to {format_general(float(highest))}, with a max"
        f" diff of {forced[times, 3].max():.2g}, over {int(forced[times, 0].sum())} samples from {span}",
        node.position,
    )
