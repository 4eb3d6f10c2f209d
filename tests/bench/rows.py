"""The rows of `make bench`: what is asked, and the ratio to each peer that must be reached and that is aimed at.

A ratio is peer / ours, so that 2 means twice as fast; of resident memory it is ours / peer, so that less is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.bench.histogram_data import CLASSIC, NATIVE


class Kind(Enum):
    """How a row is measured."""

    QUERY = "best time of whole requests"
    LATENCY = "median over kept-alive connections"
    MEMORY = "growth of resident memory"


@dataclass(frozen=True, slots=True)
class Target:
    """The ratio that must be reached, and the one that is aimed at."""

    must: float
    aim: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; step 0 is an instant query.

    `compared` is what is asked where answers are compared, the row's own text where it is empty; `skip_s` is how much
    of the beginning is left out there. A row of a pair asks the servers that hold two replicas. `warming` is the
    query of the same shape on ten series that memory is measured from.
    """

    name: str
    text: str
    step_s: int
    prometheus: Target
    victoria: Target | None = None
    kind: Kind = Kind.QUERY
    skip_s: float = 600.0
    compared: str = ""
    is_pair: bool = False
    warming: str = ""


RATE = "rate(http_requests_total[5m])"
SUM_BY_JOB = f"sum by (job)({RATE})"
RATES = Target(8, 15), Target(0.7, 1.5)
WINDOWS = Target(8, 15), Target(0.8, 1.4)
DOCUMENTS = Target(1.5, 3), Target(0.9, 1.5)
RATIO = f'sum by (instance)(rate(http_requests_total{{code="500"}}[5m])) / sum by (instance)({RATE})'
QUANTILE = f"histogram_quantile(0.9, sum by (le)(rate({CLASSIC}[5m])))"
JOIN = f"sum by (job)({RATE} / on (pod) group_left sum by (pod)({RATE}))"

ROWS = (
    Row("sum_rate", f"sum({RATE})", 60, *RATES),
    Row("sum_by_job_rate", SUM_BY_JOB, 60, *RATES),
    Row("ratio", RATIO, 60, Target(20, 35), Target(0.7, 1.5)),
    Row("increase_24h", "sum(increase(http_requests_total[24h]))", 0, *WINDOWS),
    Row("max_over_time_24h", "max(max_over_time(temp_ratio[24h]))", 0, *WINDOWS),
    Row("rate_1h", "sum(rate(http_requests_total[1h]))", 300, *WINDOWS, skip_s=3900),
    Row("max_over_time_1h", "max(max_over_time(temp_ratio[1h]))", 300, *WINDOWS, skip_s=3900),
    Row("classic_quantile", QUANTILE, 60, Target(8, 20), Target(0.7, 1.5)),
    # Of series that tie for the fifth place 2.42 keeps another one than 3.x: what they have is compared, not who.
    Row("topk", f"topk(5, {RATE})", 60, *RATES, compared=f"sum(topk(5, {RATE}))"),
    Row("quantile_by_job", f"quantile by (job)(0.9, {RATE})", 60, *RATES),
    Row("count_values", f'count_values("rate", round({RATE}, 0.1))', 60, *RATES),
    Row("many_to_one", JOIN, 60, *RATES),
    # Prometheus 3 interpolates in native buckets exponentially, 2.42 linearly: what is under the quantile is compared,
    # on the last two hours.
    Row("native_quantile", f"histogram_quantile(0.9, sum(rate({NATIVE}[5m])))", 60, Target(4, 10), skip_s=79200,
        compared=f"sum(rate({NATIVE}[5m]))"),
    Row("pair_sum_rate", f"sum({RATE})", 60, Target(4, 8), is_pair=True),
    Row("pair_sum_by_job_rate", SUM_BY_JOB, 60, Target(4, 8), is_pair=True),
    Row("json_sum_by_pod", f"sum by (pod)({RATE})", 60, *DOCUMENTS),
    Row("json_selector", 'http_requests_total{job="job1"}', 60, *DOCUMENTS),
    Row("raw_export", 'http_requests_total{job="job1"}[24h]', 0, Target(3, 6), Target(1, 2)),
    Row("instant_10_series", 'http_requests_total{pod="app-7"}', 0, Target(0.35, 0.6), kind=Kind.LATENCY),
    Row("memory_growth", SUM_BY_JOB, 60, Target(0.7, 0.35), kind=Kind.MEMORY,
        warming='sum by (job)(rate(http_requests_total{pod="app-7"}[5m]))'),
)  # fmt: skip
# What the second process and the hop may cost on top.
TWO_PROCESSES = Target(1.6, 1.3)
