"""The nine queries that peers were measured with, one client on loopback, whole answers read.

A server's CPU is the sum over its processes; memory is the sum of their high-water marks.
"""

from __future__ import annotations

import gzip
import http.client
import math
import os
import time
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from tests.bench.data import INTERVAL_S, START_S


@dataclass(frozen=True, slots=True)
class Query:
    """A query; step 0 is an instant query at the end."""

    name: str
    text: str
    step_s: int


QUERIES = (
    Query("sum_rate5m_60s", "sum(rate(http_requests_total[5m]))", 60),
    Query("sumby_job_rate5m_60s", "sum by (job)(rate(http_requests_total[5m]))", 60),
    Query("sumby_pod_rate5m_60s", "sum by (pod)(rate(http_requests_total[5m]))", 60),
    Query("selector_job1_60s", 'http_requests_total{job="job1"}', 60),
    Query(
        "binop_60s",
        'sum by(instance)(rate(http_requests_total{code="500"}[5m])) / sum by(instance)(rate(http_requests_total[5m]))',
        60,
    ),
    Query("max_over_time_24h_instant", "max(max_over_time(temp_ratio[24h]))", 0),
    Query("increase_24h_instant", "sum(increase(http_requests_total[24h]))", 0),
    Query("raw_export_job1_24h", 'http_requests_total{job="job1"}[24h]', 0),
    Query("sum_15s", "sum(http_requests_total)", 15),
)
# Where answers are compared, Prometheus 2.42 and 3.x must not differ by design: half a second off the grid no sample
# (0-11 ms of jitter) sits on the edge of a window, closed at the left in 2.42 and open in 3.x; and ten minutes on no
# window holds the start of a series, where the two order rate()'s limits differently.
CLEAR_OF_EDGES_S = 0.5
CLEAR_OF_START_S = 600.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: its HTTP port and the processes that its work is done in."""

    name: str
    port: int
    process_ids: tuple[int, ...]
    parameters: tuple[tuple[str, str], ...] = ()

    def cpu_s(self) -> float:
        """Return user + system seconds so far."""
        ticks = 0
        for process_id in self.process_ids:
            fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Return the sum of the processes' high-water marks of resident memory."""
        return sum(status_kib(process_id, "VmHWM") for process_id in self.process_ids) / 1024


def status_kib(process_id: int, field: str) -> int:
    """Return a field of /proc/<pid>/status in KiB."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(field)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The best of some repetitions."""

    wall_s: float
    cpu_s: float
    size_bytes: int


def ask(endpoint: Endpoint, query: Query, *, samples: int, shift_s: float = 0.0, skip_s: float = 0.0) -> bytes:
    """Return the whole body of one answer. Raises AssertionError on any status but 200."""
    start_s = START_S + shift_s + skip_s
    end_s = START_S + (samples - 1) * INTERVAL_S + shift_s
    form: dict[str, str] = {"query": query.text, **dict(endpoint.parameters)}
    if query.step_s:
        path = "/api/v1/query_range"
        form |= {"start": str(start_s), "end": str(end_s), "step": str(query.step_s)}
    else:
        path = "/api/v1/query"
        form["time"] = str(end_s + 1)
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=300)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, urllib.parse.urlencode(form), headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, (endpoint.name, query.name, response.status, body[:300])
    return gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body


def measure(endpoint: Endpoint, query: Query, *, samples: int, repetitions: int = 5) -> Measurement:
    """Return the best of `repetitions`, after one that does not count."""
    ask(endpoint, query, samples=samples)
    best = Measurement(math.inf, 0.0, 0)
    for _ in range(repetitions):
        cpu_before_s = endpoint.cpu_s()
        began_s = time.perf_counter()
        body = ask(endpoint, query, samples=samples)
        wall_s = time.perf_counter() - began_s
        if wall_s < best.wall_s:
            best = replace(best, wall_s=wall_s, cpu_s=endpoint.cpu_s() - cpu_before_s, size_bytes=len(body))
    return best


def disagreement(mine: bytes, theirs: bytes, *, relative: float = 1e-9) -> str:
    """Return what differs between two answers, empty where nothing does."""
    found, wanted = _rows(mine), _rows(theirs)
    if found.keys() != wanted.keys():
        return f"{len(found)} series against {len(wanted)}"
    for key, points in wanted.items():
        if len(points) != len(found[key]):
            return f"{key}: {len(found[key])} points against {len(points)}"
        for (my_time, my_value), (time_, value) in zip(found[key], points, strict=True):
            if float(my_time) != float(time_) or not _close(float(my_value), float(value), relative):
                return f"{key}: {my_value} at {my_time} against {value} at {time_}"
    return ""


def _close(one: float, other: float, relative: float) -> bool:
    return math.isclose(one, other, rel_tol=relative) or (math.isnan(one) and math.isnan(other))


def _rows(body: bytes) -> dict[tuple[tuple[str, str], ...], list[Any]]:
    result = orjson.loads(body)["data"]["result"]
    return {tuple(sorted(row["metric"].items())): row.get("values") or [row["value"]] for row in result}
