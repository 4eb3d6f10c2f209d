"""Which functions a plan can hold, by the node that computes them."""

from __future__ import annotations

_WINDOWS = """
rate increase delta irate idelta resets changes deriv predict_linear
avg_over_time count_over_time first_over_time last_over_time max_over_time min_over_time present_over_time
quantile_over_time stddev_over_time stdvar_over_time sum_over_time
mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time
double_exponential_smoothing
"""
_ELEMENTWISE = """
abs acos acosh asin asinh atan atanh ceil clamp clamp_max clamp_min cos cosh deg exp floor ln log10 log2 rad round
sgn sin sinh sqrt tan tanh
"""
_STATISTICS = "histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum"
_DATES = "day_of_month day_of_week day_of_year days_in_month hour minute month year"

WINDOW_FUNCTIONS = frozenset(_WINDOWS.split())
# These keep the metric name: they act as an offset does.
NAME_KEEPING_WINDOWS = frozenset(["first_over_time", "last_over_time"])
# These are numbers of native histograms; they are computed as functions of each value are.
STATISTICS = frozenset(_STATISTICS.split())
ELEMENTWISE = frozenset(_ELEMENTWISE.split()) | STATISTICS
DATE_FUNCTIONS = frozenset(_DATES.split())
