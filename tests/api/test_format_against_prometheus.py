"""format_query beside the real Prometheus 2.42, for what it knows of the language.

Numbers below 1e-4 and from 1e6 on are left out: 2.42 prints them with an exponent, 3.14 without.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from promontory.promql.parser import parse_query
from promontory.promql.prettier import pretty_print
from tests.parts import run_prometheus

pytestmark = pytest.mark.parts

LONG = "http_request_duration_seconds_bucket"
QUERIES = [
    "foo/bar",
    "sum(x)by(a)/ignoring(b)group_right x offset 5m@1",
    f'histogram_quantile(0.9, sum by (le, job) (rate({LONG}{{job=~"api.*",code!="500"}}[5m] offset 1h)))',
    f"sum({LONG}) by (job) / on (job) group_left (instance) sum without (le) ({LONG} @ end()) > bool 0.25",
    f"topk by (a, b) (scalar({LONG}), {LONG} * {LONG} ^ 2 - -{LONG})",
    f"max_over_time(({LONG} > {LONG} or {LONG})[1h30m:10s] @ start() offset -90s)",
    f"quantile_over_time(scalar({LONG}), {LONG}[1h:] offset 5m)",
    f'label_join({LONG}, "{LONG}", "-", "a\\tb", "é\\x01")',
    f"-({LONG} unless on () {LONG} and ignoring (x) {LONG})",
    "+".join(["metric_with_a_name"] * 40),
    "1e3 * 0x1F + .5e-3 - Inf + NaN + time() " + "* 12345.75 " * 9,
    '{__name__=~"a|b", __name__!="c", x=""}',
    f"count_values('v', {LONG}) by () + ((({LONG} * {LONG})))",
]  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_prometheus(tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield f"{prometheus.url}/api/v1/format_query"


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_formatted_as_the_real_prometheus_does(url: str, query: str) -> None:
    answer = httpx.post(url, data={"query": query}).json()
    assert answer["status"] == "success", answer
    assert pretty_print(parse_query(query)) == answer["data"]
