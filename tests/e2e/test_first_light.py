"""From a real HA pair through a bucket to one de-duplicated answer, with parts stopped, killed and corrupted.

The tests of this file run in order over one site: each goes on from what the one before left.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.http import Matrix, answer, ask, matrix, raw_samples
from tests.e2e.penalty import merge
from tests.e2e.site import REPLICAS, SCRAPE_INTERVAL_MS, Site
from tests.parts import part_path, run_prometheus, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.parts]

APP = '{job="app",__name__=~"app_.*"}'
EXTERNAL = ("cluster", "replica")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        site = Site(tmp_path_factory.mktemp("site"), stack)
        site.start()
        yield site


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def replica_of(meta: dict[str, object]) -> str:
    labels = meta["thanos"]["labels"]  # type: ignore[index]
    return str(labels["replica"])


def blocks_of(site: Site, replica: str) -> list[str]:
    return [ulid for ulid, meta in site.complete_blocks().items() if replica_of(meta) == replica]


def expected_merge(site: Site, selector: str, *, end_ms: int, range_ms: int) -> Matrix:
    """Merge what both Prometheus hold, in plain Python."""
    replicas = [
        raw_samples(site.prometheus[replica].url, selector, end_ms=end_ms, range_ms=range_ms) for replica in REPLICAS
    ]
    keys = set().union(*replicas)
    return {key: merge([samples[key] for samples in replicas if key in samples]) for key in keys}


def queried(site: Site, selector: str, *, end_ms: int, range_ms: int, url: str | None = None) -> Matrix:
    """Ask the querier for raw samples; external labels are taken off to compare with Prometheus' own."""
    assert site.querier is not None
    body = answer(url or site.querier.url, "query", query=f"{selector}[{range_ms}ms]", time=end_ms / 1000)
    assert "warnings" not in body, body["warnings"]
    return matrix(body, drop=EXTERNAL)


def settled_window(site: Site, *, range_ms: int) -> tuple[int, int]:
    """Return (end, range) of a time range that both Prometheus have finished scraping, clear of scrape times."""
    end_ms = now_ms() - 2 * SCRAPE_INTERVAL_MS
    taken = {
        time_ms
        for replica in REPLICAS
        for points in raw_samples(site.prometheus[replica].url, APP, end_ms=end_ms, range_ms=range_ms + 10_000).values()
        for time_ms, _ in points
    }
    while end_ms in taken or end_ms - range_ms in taken:
        end_ms -= 1
    return end_ms, range_ms


def wait_for_blocks(site: Site, count: int) -> None:
    wait_until(
        lambda: all(len(blocks_of(site, replica)) >= count for replica in REPLICAS),
        what=f"{count} blocks of each replica in the bucket",
        timeout_s=180,
    )


def wait_for_store(site: Site, url: str, ulids: set[str]) -> None:
    """Wait until a gateway says on /api/v1/stores of the querier that it covers the newest of the blocks."""
    newest = max(int(str(site.complete_blocks()[ulid]["maxTime"])) for ulid in ulids)

    def covered() -> bool:
        stores = answer_get(url, "stores")["data"].get("store", [])
        return any(int(store["maxTime"]) >= newest for store in stores)

    wait_until(covered, what="the gateway to load the blocks")


def answer_get(url: str, path: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    import httpx

    response = httpx.get(f"{url}/api/v1/{path}", timeout=30)
    assert response.status_code == 200, response.text
    return response.json()  # type: ignore[no-any-return]


def test_blocks_arrive_complete(site: Site) -> None:
    wait_for_blocks(site, 1)
    for ulid, meta in site.complete_blocks().items():
        thanos = meta["thanos"]
        assert isinstance(thanos, dict)
        assert thanos["source"] == "sidecar"
        assert thanos["labels"]["cluster"] == "e2e"
        for listed in thanos["files"]:
            path = site.bucket / ulid / listed["rel_path"]
            assert path.is_file()
            assert listed["rel_path"] == "meta.json" or path.stat().st_size == listed["size_bytes"]
        assert {"index", "meta.json", "chunks/000001"} <= {listed["rel_path"] for listed in thanos["files"]}


def test_raw_samples_over_bucket_and_live_data_equal_the_merge_of_both_replicas(site: Site) -> None:
    assert site.querier is not None
    wait_for_store(site, site.querier.url, set(site.complete_blocks()))
    end_ms, range_ms = settled_window(site, range_ms=40_000)
    found = queried(site, APP, end_ms=end_ms, range_ms=range_ms)
    assert len(found) == 18
    assert found == expected_merge(site, APP, end_ms=end_ms, range_ms=range_ms)


QUERIES = [
    "app_temperature_celsius",
    "sum by (code) (rate(app_requests_total[5m]))",
    "increase(app_requests_total[5m])",
    "histogram_quantile(0.9, sum by (le) (rate(app_latency_seconds_bucket[5m])))",
    "avg_over_time(app_temperature_celsius[5m])",
    "max by (room) (app_temperature_celsius) > 22",
    "topk(2, rate(app_requests_total[5m]))",
    'sum(rate(app_requests_total{code="500"}[5m])) / sum(rate(app_requests_total[5m]))',
    "count(app_requests_total) or vector(0)",
]


def open_metrics(samples: Matrix) -> str:
    """Write series as OpenMetrics, as promtool reads them: one family after the other."""
    lines: dict[str, list[str]] = {}
    for key, points in samples.items():
        labels = dict(key)
        name = labels.pop("__name__")
        inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        rows = [f"{name}{{{inner}}} {value!r} {time_ms / 1000:.3f}" for time_ms, value in points]
        lines.setdefault(name, []).extend(rows)
    text = "".join(f"# TYPE {name} unknown\n" + "\n".join(rows) + "\n" for name, rows in sorted(lines.items()))
    return text + "# EOF\n"


def make_blocks(folder: Path, samples: Matrix) -> None:
    folder.mkdir()
    (folder / "samples.om").write_text(open_metrics(samples))
    argv = [part_path("promtool"), "tsdb", "create-blocks-from", "openmetrics", folder / "samples.om", folder / "data"]
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)


def assert_close(found: Matrix, wanted: Matrix, query: str) -> None:
    assert found.keys() == wanted.keys(), query
    for key, points in wanted.items():
        assert [time_ms for time_ms, _ in found[key]] == [time_ms for time_ms, _ in points], query
        for (time_ms, mine), (_, theirs) in zip(found[key], points, strict=True):
            assert math.isclose(mine, theirs, rel_tol=1e-9), (query, key, time_ms, mine, theirs)


def test_range_queries_equal_what_prometheus_answers_from_the_merge(site: Site, tmp_path: Path) -> None:
    assert site.querier is not None
    end_ms, _ = settled_window(site, range_ms=30_000)
    start_ms = end_ms - 20_000
    # Five minutes hold the whole history: what the querier merges is what the merge below starts from.
    samples = expected_merge(site, APP, end_ms=end_ms, range_ms=320_000)
    make_blocks(tmp_path / "oracle", samples)
    grid = {"start": start_ms / 1000, "end": end_ms / 1000, "step": 1}
    with run_prometheus(tmp_path / "oracle") as oracle:
        for query in QUERIES:
            found = answer(site.querier.url, "query_range", query=query, **grid)
            assert "warnings" not in found, found["warnings"]
            assert found["data"]["result"], query
            wanted = answer(oracle.url, "query_range", query=query, **grid)
            assert_close(matrix(found, drop=EXTERNAL), matrix(wanted), query)


def test_no_gap_is_left_when_one_replica_after_the_other_stops(site: Site) -> None:
    began_ms = now_ms()
    for replica in ("b", "a"):
        site.prometheus[replica].stop()
        time.sleep(8)
        site.start_prometheus(replica)
        time.sleep(6)
    # The merge begins before the outages: its first penalty of five seconds is over when they come.
    end_ms, range_ms = settled_window(site, range_ms=now_ms() - began_ms + 15_000)
    wait_until(lambda: len(queried_names(site)) > 0, what="both sidecars to be back")
    found = queried(site, APP, end_ms=end_ms, range_ms=range_ms)
    assert found == expected_merge(site, APP, end_ms=end_ms, range_ms=range_ms)
    for key, points in found.items():
        times = [time_ms for time_ms, _ in points]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert max(gaps) <= 3 * SCRAPE_INTERVAL_MS + 100, (key, max(gaps))


def queried_names(site: Site) -> list[object]:
    """Ask until no endpoint is missing: the querier polls its endpoints every five seconds."""
    assert site.querier is not None
    body = answer(site.querier.url, "query", query="count(app_requests_total)")
    return [] if "warnings" in body else body["data"]["result"]


def test_a_sidecar_killed_mid_upload_leaves_exactly_one_complete_block(site: Site) -> None:
    assert site.proxy is not None
    before = set(blocks_of(site, "a"))
    site.proxy.stall(rb"PUT /bucket/[0-9A-Z]{26}/index")
    wait_until(site.proxy.stalled.is_set, what="an upload to reach the index", timeout_s=120)
    site.kill(site.sidecars["a"])
    site.kill(site.sidecars["b"])
    site.proxy.pass_everything()
    partial = {path.name for path in site.bucket.iterdir() if not (path / "meta.json").exists()}
    assert partial, "the sidecar was killed before the end of an upload"
    for replica in REPLICAS:
        site.start_sidecar(replica)
    wait_until(lambda: partial <= set(site.complete_blocks()), what="the upload to be finished", timeout_s=120)
    assert before <= set(blocks_of(site, "a"))
    ranges = [
        (replica_of(meta), meta["minTime"], meta["maxTime"])
        for ulid, meta in site.complete_blocks().items()
        if ulid in partial
    ]
    everything = [(replica_of(meta), meta["minTime"], meta["maxTime"]) for meta in site.complete_blocks().values()]
    assert all(everything.count(one) == 1 for one in ranges)
    for ulid in partial:
        meta = json.loads((site.bucket / ulid / "meta.json").read_bytes())
        for listed in meta["thanos"]["files"]:
            path = site.bucket / ulid / listed["rel_path"]
            assert listed["rel_path"] == "meta.json" or path.stat().st_size == listed["size_bytes"]


def test_a_killed_gateway_is_named_and_the_rest_is_right(site: Site) -> None:
    assert site.store is not None
    assert site.querier is not None
    wait_until(lambda: len(queried_names(site)) > 0, what="the sidecars to be back")
    site.kill(site.store)
    # Far enough back that the gateway's blocks have a part in it.
    end_ms, range_ms = settled_window(site, range_ms=150_000)
    body = answer(site.querier.url, "query", query=f"{APP}[{range_ms}ms]", time=end_ms / 1000)
    assert any(site.grpc_address("store") in warning for warning in body["warnings"])
    found = matrix(body, drop=EXTERNAL)
    assert found == expected_merge(site, APP, end_ms=end_ms, range_ms=range_ms)
    refused = ask(site.querier.url, "query", query="count(app_requests_total)", partial_response="false")
    assert refused.status_code in (422, 503), refused.text
    assert refused.json()["status"] == "error"
    assert site.grpc_address("store") in refused.json()["error"]


def test_corrupt_objects_are_named_and_never_answered(site: Site) -> None:
    ulids = blocks_of(site, "a")
    wait_until(lambda: len(blocks_of(site, "a")) >= 4, what="four blocks of a", timeout_s=120)
    bad_chunk, bad_index, bad_meta, *_ = ulids = blocks_of(site, "a")
    flip(site.bucket / bad_chunk / "chunks" / "000001", at=40)
    flip(site.bucket / bad_index / "index", at=(site.bucket / bad_index / "index").stat().st_size // 3)
    (site.bucket / bad_meta / "meta.json").write_bytes(b'{"ulid": "' + bad_meta.encode())
    truth = {
        replica: raw_samples(site.prometheus[replica].url, APP, end_ms=now_ms(), range_ms=900_000)
        for replica in REPLICAS
    }
    site.start_store("second-store")
    querier = site.start_querier("second-querier", [site.grpc_address("second-store")])
    body = answer(querier.url, "query", query=f"{APP}[15m]", time=now_ms() / 1000, dedup="false")
    for ulid in (bad_chunk, bad_index, bad_meta):
        assert any(ulid in warning for warning in body["warnings"]), (ulid, body["warnings"])
    served = matrix(body)
    assert served
    replicas = set()
    for key, points in served.items():
        labels = dict(key)
        replica = labels.pop("replica")
        replicas.add(replica)
        del labels["cluster"]
        known = set(truth[replica][frozenset(labels.items())])
        assert set(points) <= known, f"a sample that Prometheus {replica} does not hold: {labels}"
    assert replicas == set(REPLICAS)
    for ulid in set(ulids) - {bad_chunk, bad_index, bad_meta}:
        assert_served(site, ulid, served, truth["a"])


def assert_served(site: Site, ulid: str, served: Matrix, truth: Matrix) -> None:
    """Everything that Prometheus a holds of a block's time range is there."""
    meta = json.loads((site.bucket / ulid / "meta.json").read_bytes())
    inside = range(int(meta["minTime"]), int(meta["maxTime"]))
    external = {("cluster", "e2e"), ("replica", "a")}
    for key, points in truth.items():
        wanted = {point for point in points if point[0] in inside}
        assert wanted <= set(served[key | external]), f"the good block {ulid} is served whole"


def flip(path: Path, *, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x55
    path.write_bytes(bytes(data))
