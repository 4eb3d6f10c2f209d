import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.parts import part_path
from tests.querier.site import START_MS

END_S = START_MS // 1000 + 15 * 239


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    argv = [
        sys.executable, "-m", "tests.querier.site", "--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0",
        "--query.replica-label=replica", "--query.max-samples=100000",
    ]  # fmt: skip
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr)
            found = next(match for line in lines if (match := re.search(r"service started.*http=(\S+)", line)))
            yield found[1]
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=20)[1]
            assert process.returncode == 0, rest
            assert "level=error" not in rest
        finally:
            process.kill()


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part_path("promtool")), "query", *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parts
def test_promtool_reads_instant_answers(address: str) -> None:
    url = f"http://{address}"
    found = promtool("instant", f"--time={END_S}", url, "sum(increase(http_requests_total[5m]))")
    assert found.stdout.split()[:3] == ["{}", "=>", "120"], found.stderr
    assert promtool("instant", url, "1+1").stdout.startswith("scalar: 2")
    broken = promtool("instant", url, "up{")
    assert broken.returncode == 1
    assert 'bad_data: invalid parameter "query": 1:4: parse error' in broken.stderr


@pytest.mark.parts
def test_promtool_reads_ranges_series_and_labels(address: str) -> None:
    url = f"http://{address}"
    found = promtool("range", f"--start={END_S - 60}", f"--end={END_S}", "--step=30s", url, "http_requests_total")
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("@[") == 9
    assert "replica" not in found.stdout
    series = promtool("series", "--match=http_requests_total", url)
    assert series.stdout.count("\n") == 3
    assert promtool("labels", url, "instance").stdout.split() == ["host-0", "host-1", "host-2"]


def test_replicas_are_kept_apart_on_request(address: str) -> None:
    query = {"query": "count(http_requests_total)", "time": END_S}
    for dedup, count in (("true", "3"), ("false", "6")):
        answer = httpx.post(f"http://{address}/api/v1/query", data={**query, "dedup": dedup}).json()
        assert answer["data"]["result"][0]["value"][1] == count


def test_errors_of_the_engine_keep_prometheus_codes(address: str) -> None:
    url = f"http://{address}/api/v1/query"
    for query, status, error_type in [
        ("http_requests_total * on() http_requests_total", 422, "execution"),
        ("up[5m] + 1", 400, "bad_data"),
        ("absent(", 400, "bad_data"),
    ]:
        answer = httpx.get(url, params={"query": query, "time": END_S})
        assert (answer.status_code, answer.json()["errorType"]) == (status, error_type), answer.text


def test_requests_are_counted_by_handler(address: str) -> None:
    httpx.get(f"http://{address}/api/v1/labels")
    httpx.get(f"http://{address}/api/v1/query_explain", params={"query": "up"})
    httpx.get(f"http://{address}/some/path/of/a/scanner")
    text = httpx.get(f"http://{address}/metrics").text
    assert 'http_requests_total{code="200",handler="label_names",method="GET"} 1.0' in text
    assert 'http_requests_total{code="200",handler="query_explain",method="GET"} 1.0' in text
    assert 'handler="other"' in text
    assert "scanner" not in text
